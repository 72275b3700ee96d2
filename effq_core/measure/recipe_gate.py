"""Checks that a mixed file computes in floats exactly where its recipe says, block by block."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from effq_core.experiment.mixed import Precision
from effq_core.measure.gates import Gate
from effq_core.tflite.file import read_tflite
from effq_core.tflite.network import read_network
from effq_core.tflite.recipe import Recipe

NAME = "recipe_as_asked"

_INTEGERS = ("INT8", "INT32")
_SHOWN = 4


@dataclass(frozen=True)
class Computed:
    """How one operator computes.

    Attributes:
        kind: Such as ``CONV_2D``.
        types: Types of all it reads and makes.
        kernel: What its kernel is stored in; empty where it has none.
    """

    kind: str
    types: frozenset[str]
    kernel: str

    @property
    def is_float(self) -> bool:
        """Whether it reads and makes nothing but floats (and shapes and axes, which are INT32)."""
        return "FLOAT32" in self.types and self.types <= {"FLOAT32", "INT32"}

    @property
    def is_integer(self) -> bool:
        """Whether it reads and makes nothing but integers."""
        return self.types <= set(_INTEGERS)


def computed(file: Path | bytes) -> tuple[Computed, ...]:
    """Lists how a file's operators compute, in order, but for those that only change a type.

    Raises:
        ModelError: If the file cannot be read.
    """
    return tuple(
        Computed(
            op.kind.name,
            frozenset(each.dtype for each in (*op.inputs, *op.outputs) if each is not None),
            op.kernel.dtype if op.kernel else "",
        )
        for op in read_tflite(file).main.operators
        if not op.kind.is_border
    )


def recipe_gate(float32: Path | bytes, mixed: Path | bytes, recipe: Recipe) -> Gate:
    """Checks a mixed file against its recipe.

    Operators are matched by their place: the quantizer keeps their order and only adds operators
    that change a type between integers and floats.

    Returns:
        The gate; its value is the number of operators that compute otherwise than asked, kernels
        in another precision among them.

    Raises:
        ModelError: If a file cannot be read, or the recipe names what the model does not have.
    """
    network, found = read_network(float32), computed(mixed)
    kept = set(network.tensors_of(recipe.keep))
    ops = sorted(network.ops, key=lambda op: op.index)
    if [op.kind for op in ops] != [op.kind for op in found]:
        return _gate(len(ops), len(ops), "The mixed file has other operators than float32.")
    wrong: Counter[str] = Counter()
    for op, own in zip(ops, found, strict=True):
        if op.tensor in kept:
            right = own.is_float and own.kernel in ("", recipe.precision.name)
        else:
            right = own.is_integer
        wrong[op.block] += not right
    wrong = +wrong
    if not wrong:
        return _gate(0, len(ops), _as_asked(len(kept), len(ops), recipe))
    blocks = [f"{name} ({count})" for name, count in wrong.most_common(_SHOWN)]
    more = len(wrong) - len(blocks)
    detail = (
        f"{wrong.total()} of {len(ops)} operators compute otherwise than asked: in "
        f"{', '.join(blocks)}{f' and {more} more blocks' if more else ''}."
    )
    return _gate(wrong.total(), len(ops), detail)


def _as_asked(kept: int, ops: int, recipe: Recipe) -> str:
    if not kept:
        return f"Nothing is kept in floats, and all {ops} operators compute in integers."
    bits = 16 if recipe.precision is Precision.FLOAT16 else 32
    return (
        f"{kept} of {ops} operators compute in floats, their kernels stored in {bits} bits: those "
        f"of {', '.join(recipe.keep)}. All others compute in integers."
    )


def _gate(wrong: int, ops: int, detail: str) -> Gate:
    return Gate(name=NAME, passed=wrong == 0, value=wrong, limit=0, n=ops, detail=detail)
