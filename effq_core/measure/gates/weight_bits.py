"""The gate that weights have the few bits they should have, wherever they can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from effq_core.base import formatting as fmt
from effq_core.experiment.variants import BASELINE
from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.store.manifest import MODEL_FILE
from effq_core.tflite.file import read_tflite
from effq_core.tflite.matrices import fitting_bits, matrix_products
from effq_core.tflite.network import read_network
from effq_core.tflite.packing import BITS
from effq_core.tflite.product_layers import layers_of
from effq_core.tflite.recipe import WidthRecipe

NAME = "weight_bits"
_NAMED = 3


def weight_bits_gate(file: Path | bytes, bits: int | Mapping[str, int]) -> Gate:
    """Checks the types of a file's weights.

    Everything but matrix products has 8 bits, as LiteRT runs a 2-bit convolution without an error
    and answers garbage.

    Args:
        file: An integer file.
        bits: Of the weights of every product, where the number of its inputs allows it; or of each
            product, by the name of what it makes.

    Returns:
        The gate; its value is the number of layers with other weights.
    """
    content = file if isinstance(file, bytes) else file.read_bytes()
    products = matrix_products(content)
    if isinstance(bits, Mapping):
        wanted = {op.index: bits.get(op.output.name, 8) for op in products}
        missing = sorted(bits.keys() - {op.output.name for op in products})
    else:
        wanted = {op.index: fitting_bits(op, bits) for op in products}
        missing = []
    layers = [op for op in read_tflite(content).main.operators if op.kernel is not None]
    wrong = missing + [
        op.output.name
        for op in layers
        if op.kernel is not None and BITS.get(op.kernel.dtype) != wanted.get(op.index, 8)
    ]
    narrow = Counter(width for width in wanted.values() if width < 8)
    facts = {
        "layers": len(layers),
        "narrow": [list(each) for each in sorted(narrow.items(), reverse=True)],
        "wrong": len(wrong),
        "named": wrong[:_NAMED],
    }
    passed = bool(narrow) and not wrong
    return judged(NAME, passed=passed, value=len(wrong), limit=0, n=len(layers), facts=facts)


def _check(evidence: Evidence) -> Gate | None:
    own = evidence.variant
    if not 0 < own.weight_bits < 8:
        return None
    folder = evidence.context.inputs[f"file:{own.name}"]
    bits: int | Mapping[str, int] = own.weight_bits
    if WidthRecipe.FILE in own.files:
        float32 = evidence.context.inputs[f"file:{BASELINE}"] / MODEL_FILE
        bits = _asked(WidthRecipe.load(folder), folder / MODEL_FILE, float32)
    return weight_bits_gate(folder / MODEL_FILE, bits)


def _asked(recipe: WidthRecipe, file: Path, float32: Path) -> dict[str, int]:
    """Returns what a recipe asks of each product; of a layer that there is none, by its name."""
    layers = {each.name: each for each in layers_of(file.read_bytes(), read_network(float32))}
    known = {name: layers[name].tensor for name in recipe.widths if name in layers}
    return {known.get(name, name): bits for name, bits in recipe.widths.items()}


def _sentence(
    layers: int, narrow: Sequence[tuple[int, int]], wrong: int, named: Sequence[str]
) -> str:
    if wrong:
        which = fmt.some([f"“{name}”" for name in named], _NAMED)
        return f"{wrong} of {fmt.counted(layers, 'layer')} have other weights than asked: {which}."
    counted = " and ".join(f"{count} have {bits}-bit weights" for bits, count in narrow) or "None"
    return f"Of {fmt.counted(layers, 'layer')} {counted}, the others 8-bit."


GATES.register(
    Rule(
        name=NAME,
        title="Weights of as many bits as asked",
        purpose="A layer left at 8 bits would make the file larger and more accurate than its "
        "name says.",
        sentence=_sentence,
        of_file=_check,
    )
)
