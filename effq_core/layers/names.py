"""What can be kept in floats by name: known before a model is built. Imports no TensorFlow."""

from effq_core.models.card import ModelCard
from effq_core.models.families.family import Layer, family_of
from effq_core.models.own.card import OwnCard
from effq_core.tflite import naming


def names_of(card: ModelCard) -> naming.Names | None:
    """Returns what a model's parts are called; ``None``: that comes with the model's conversion."""
    if isinstance(card, OwnCard) and card.names:
        return card.names
    layers = family_of(card).layers(card)
    return None if layers is None else _arranged(layers)


def _arranged(layers: tuple[Layer, ...]) -> naming.Names:
    """Puts layers into blocks and groups by the rules that read a converted model."""
    numbered = naming.has_numbered_blocks(name for name, _ in layers)
    blocks: dict[str, list[str]] = {}
    groups: dict[str, None] = {}
    block = ""
    for name, kind in layers:
        if kind == "ADD":
            groups[naming.RESIDUALS] = None
            continue
        block = naming.block_of(name, kind, block, has_blocks=numbered)
        blocks.setdefault(block, []).append(name)
        if naming.is_stage(block):
            if kind == "DEPTHWISE_CONV_2D":
                groups[naming.DEPTHWISE] = None
            if "_se_" in name:
                groups[naming.SQUEEZE_EXCITE] = None
    order = [e for e in (naming.RESIDUALS, naming.DEPTHWISE, naming.SQUEEZE_EXCITE) if e in groups]
    return naming.Names(tuple((name, tuple(each)) for name, each in blocks.items()), tuple(order))
