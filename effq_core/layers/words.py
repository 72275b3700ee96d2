"""What kinds of blocks and operators are called when people read them."""

from effq_core.tflite.naming import DEPTHWISE, RESIDUALS, SQUEEZE_EXCITE
from effq_core.tflite.network import Block, BlockKind

KIND_TITLES = {
    BlockKind.STEM: "Stem",
    BlockKind.FUSED_MBCONV: "Fused-MBConv",
    BlockKind.MBCONV: "MBConv",
    BlockKind.HEAD: "Head",
    BlockKind.OTHER: "Block",
}
KIND_MARKS = {
    BlockKind.STEM: "⬢",
    BlockKind.FUSED_MBCONV: "■",
    BlockKind.MBCONV: "●",
    BlockKind.HEAD: "⬢",
    BlockKind.OTHER: "◆",
}
"""What stands for a kind in text: its shape in the drawing of the network."""

GROUP_TITLES = {
    RESIDUALS: "all residual additions",
    DEPTHWISE: "all depthwise convolutions",
    SQUEEZE_EXCITE: "all squeeze-and-excite",
}


def layer_title(layer: str) -> str:
    """Names a layer for people; the last one has the converter's name for the whole model."""
    return "the answer" if "PartitionedCall" in layer else layer


def block_title(block: Block) -> str:
    """Names a block and what it is: ``● block5a: MBConv, squeeze-and-excite, residual``."""
    parts = [KIND_TITLES[block.kind]]
    parts += ["squeeze-and-excite"] if block.has_se else []
    parts += ["residual"] if block.has_residual else []
    return f"{KIND_MARKS[block.kind]} {block.name}: {', '.join(parts)}"
