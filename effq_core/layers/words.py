"""What kinds of blocks and operators are called when people read them."""

from effq_core.tflite.naming import DEPTHWISE, RESIDUALS, SQUEEZE_EXCITE
from effq_core.tflite.network import Block, BlockKind

# Title of a kind, and what stands for it in text: its shape in the drawing of the network.
_KINDS = {
    BlockKind.STEM: ("Stem", "⬢"),
    BlockKind.FUSED_MBCONV: ("Fused-MBConv", "■"),
    BlockKind.MBCONV: ("MBConv", "●"),
    BlockKind.HEAD: ("Head", "⬢"),
    BlockKind.OTHER: ("Block", "◆"),
}
KIND_TITLES = {kind: title for kind, (title, _) in _KINDS.items()}
KIND_MARKS = {kind: mark for kind, (_, mark) in _KINDS.items()}

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
