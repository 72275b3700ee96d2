"""The gate that weights have the few bits they should have, wherever they can."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from effq_core.base import formatting as fmt
from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.store.manifest import MODEL_FILE
from effq_core.tflite.file import read_tflite
from effq_core.tflite.matrices import fitting_bits, matrix_products
from effq_core.tflite.packing import BITS

NAME = "weight_bits"
_NAMED = 3


def weight_bits_gate(file: Path | bytes, bits: int) -> Gate:
    """Checks the types of a file's weights.

    Matrix products have ``bits`` where the number of their inputs allows it; everything else has 8,
    as LiteRT runs a 2-bit convolution without an error and answers garbage.

    Returns:
        The gate; its value is the number of layers with other weights.
    """
    content = file if isinstance(file, bytes) else file.read_bytes()
    wanted = {op.index: fitting_bits(op, bits) for op in matrix_products(content)}
    layers = [op for op in read_tflite(content).main.operators if op.kernel is not None]
    wrong = [
        op.output.name
        for op in layers
        if op.kernel is not None and BITS.get(op.kernel.dtype) != wanted.get(op.index, 8)
    ]
    narrow = sum(width < 8 for width in wanted.values())
    facts = {
        "bits": bits,
        "layers": len(layers),
        "narrow": narrow,
        "wrong": len(wrong),
        "named": wrong[:_NAMED],
    }
    passed = narrow > 0 and not wrong
    return judged(NAME, passed=passed, value=len(wrong), limit=0, n=len(layers), facts=facts)


def _check(evidence: Evidence) -> Gate | None:
    own = evidence.variant
    if not 0 < own.weight_bits < 8:
        return None
    return weight_bits_gate(
        evidence.context.inputs[f"file:{own.name}"] / MODEL_FILE, own.weight_bits
    )


def _sentence(bits: int, layers: int, narrow: int, wrong: int, named: Sequence[str]) -> str:
    if wrong:
        which = fmt.some([f"“{name}”" for name in named], _NAMED)
        return f"{wrong} of {fmt.counted(layers, 'layer')} have other weights than asked: {which}."
    return f"{narrow} of {fmt.counted(layers, 'layer')} have {bits}-bit weights, the others 8-bit."


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
