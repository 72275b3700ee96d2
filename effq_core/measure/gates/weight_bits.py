"""The gate that weights have the few bits they should have, wherever they can."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.experiment.variants import BASELINE
from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.store.manifest import MODEL_FILE
from effq_core.tflite.file import Tensor, read_tflite
from effq_core.tflite.hybrid import GROUP, hybrid_layers, takes_few_bits
from effq_core.tflite.matrices import fitting_bits, matrix_products
from effq_core.tflite.network import read_network
from effq_core.tflite.packing import BITS
from effq_core.tflite.product_layers import layers_of
from effq_core.tflite.recipe import WidthRecipe

NAME = "weight_bits"
KEPT_WIDE, LIMIT = "wide", "limit"
"""What the stage tells that makes files with float activations: the layers it gave 8 bits, as they
would err by more than a limit."""
_NAMED = 3
_FLOAT = 32


def weight_bits_gate(file: Path | bytes, bits: int | Mapping[str, int]) -> Gate:
    """Checks the types of an integer file's weights.

    Everything but matrix products has 8 bits, as LiteRT runs a 2-bit convolution without an error
    and answers garbage.

    Args:
        file: An integer file.
        bits: Of the weights of every product, where the number of its inputs allows it; or of each
            product, by the name of what it makes.

    Returns:
        The gate; its value is the number of layers with other weights.
    """
    content = _content(file)
    products = matrix_products(content)
    if not isinstance(bits, Mapping):
        bits = {op.output.name: fitting_bits(op, bits) for op in products}
    missing = bits.keys() - {op.output.name for op in products}
    return _judged(_layers(content), bits, most=7, rest=8, missing=missing)


def dynamic_bits_gate(
    file: Path | bytes,
    float32: Path | bytes,
    bits: int,
    wide: Collection[str] = (),
    limit: float = 1.0,
) -> Gate:
    """Checks types and values of the weights of a file with float activations.

    Matrix products have ``bits``, in groups where their inputs divide by 32, but for those that 8
    bits were chosen for. Convolutions have 8; depthwise ones, which would leave XNNPACK, floats.

    Args:
        file: The file.
        float32: The file it was made from.
        bits: Of its variant.
        wide: Names of what the layers make that were given 8 bits.
        limit: Most that weights may differ from those of ``float32``, relative to their size.

    Returns:
        The gate; its value is the number of layers with other weights.
    """
    content, layers = _content(file), _layers(_content(float32))
    can = {op.output.name for op in read_tflite(content).main.operators if takes_few_bits(op)}
    wanted = {
        name: bits if name in can and name not in wide else 8
        for name in (op.output.name for op in hybrid_layers(_content(float32)))
    }
    own = _layers(content)
    off = {name for name, kernel in own.items() if _distance(kernel, layers.get(name)) > limit}
    return _judged(own, wanted, most=bits, rest=_FLOAT, off=off)


def _distance(kernel: Tensor, exact: Tensor | None) -> float:
    """Returns how far weights are from those they were made from, relative to these."""
    if exact is None or kernel.shape[0] != exact.shape[0]:
        return float("inf")
    whole, error = exact.weights.reshape(-1), kernel.weights.reshape(-1)
    size = float(np.linalg.norm(whole))
    return float(np.linalg.norm(error - whole)) / size if size else float(np.abs(error).sum())


def _content(file: Path | bytes) -> bytes:
    return file if isinstance(file, bytes) else file.read_bytes()


def _layers(content: bytes) -> dict[str, Tensor]:
    """Returns kernels by the name of what their layer makes."""
    operators = read_tflite(content).main.operators
    return {op.output.name: op.kernel for op in operators if op.kernel is not None}


def _judged(
    layers: Mapping[str, Tensor],
    wanted: Mapping[str, int],
    *,
    most: int,
    rest: int,
    off: Collection[str] = (),
    missing: Collection[str] = (),
) -> Gate:
    """Compares kernels with the bits wanted of each by name; all others should have ``rest``.

    One at least must be wanted with ``most`` bits or fewer. Those that are ``off`` are wrong
    whatever their bits, and so are those ``missing``.
    """
    own = {name: BITS.get(kernel.dtype, _FLOAT) for name, kernel in layers.items()}
    grouped = {name for name, kernel in layers.items() if kernel.scales.ndim > 1}
    # In groups exactly where activations are floats and the inputs divide.
    should = {
        name
        for name, kernel in layers.items()
        if rest == _FLOAT and own[name] < 8 and not kernel.shape[-1] % GROUP
    }
    wrong = sorted(missing) + [
        name
        for name in layers
        if own[name] != wanted.get(name, rest)
        or (name in grouped) != (name in should)
        or name in off
    ]
    narrow = Counter(width for width in wanted.values() if width < 8)
    facts = {
        "layers": len(layers),
        "narrow": [list(each) for each in sorted(narrow.items(), reverse=True)],
        "wrong": len(wrong),
        "named": wrong[:_NAMED],
        "grouped": len(grouped),
        "floats": list(own.values()).count(_FLOAT),
    }
    passed = any(width <= most for width in wanted.values()) and not wrong
    return judged(NAME, passed=passed, value=len(wrong), limit=0, n=len(layers), facts=facts)


def _check(evidence: Evidence) -> Gate | None:
    own, inputs = evidence.variant, evidence.context.inputs
    folder = inputs[f"file:{own.name}"]
    file, float32 = folder / MODEL_FILE, inputs[f"file:{BASELINE}"] / MODEL_FILE
    if KEPT_WIDE in (made := evidence.made):
        return dynamic_bits_gate(file, float32, own.weight_bits, made[KEPT_WIDE], made[LIMIT])
    if not 0 < own.weight_bits < 8:
        return None  # int8 mixed has a recipe as well, of another kind
    if WidthRecipe.FILE in own.files:
        return weight_bits_gate(file, _asked(WidthRecipe.load(folder), file, float32))
    return weight_bits_gate(file, own.weight_bits)


def _asked(recipe: WidthRecipe, file: Path, float32: Path) -> dict[str, int]:
    """Returns what a recipe asks of each product; of a layer that there is none, by its name."""
    layers = {each.name: each for each in layers_of(file.read_bytes(), read_network(float32))}
    known = {name: layers[name].tensor for name in recipe.widths if name in layers}
    return {known.get(name, name): bits for name, bits in recipe.widths.items()}


def _sentence(
    layers: int,
    narrow: Sequence[tuple[int, int]],
    wrong: int,
    named: Sequence[str],
    grouped: int = 0,
    floats: int = 0,
) -> str:
    total = fmt.counted(layers, "layer")
    if wrong:
        which = fmt.some([f"“{name}”" for name in named], _NAMED)
        return f"{wrong} of {total} have other weights than asked: {which}."
    if not narrow and not floats:
        return f"None of {total} has fewer than 8 bits."
    eight = layers - floats - sum(count for _, count in narrow)
    counts = [(count, f"{bits}-bit weights") for bits, count in narrow]
    counts += [(eight, "8-bit weights"), (floats, "floats")]
    told = ", ".join(f"{count} have {what}" for count, what in counts if count)
    groups = f" {grouped} are rounded in groups of {GROUP}." if grouped else ""
    return f"Of {total}, {told}.{groups}"


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
