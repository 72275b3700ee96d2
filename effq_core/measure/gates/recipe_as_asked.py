"""The gate that a mixed file computes in floats exactly where its recipe says, block by block."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.experiment.mixed import Precision
from effq_core.experiment.variants import BASELINE
from effq_core.measure.gate import GATES, Evidence, Gate, Rule, judged
from effq_core.store.manifest import MODEL_FILE
from effq_core.tflite.file import read_tflite
from effq_core.tflite.network import read_network
from effq_core.tflite.recipe import Recipe

NAME = "recipe_as_asked"
_INTEGERS = ("INT8", "INT32")
_NAMED = 4


@dataclass(frozen=True)
class Computed:
    """How one operator computes."""

    kind: str  # such as ``CONV_2D``
    types: frozenset[str]  # types of all it reads and makes
    kernel: str  # what its kernel is stored in; empty where it has none

    @property
    def is_float(self) -> bool:
        """Whether it reads and makes nothing but floats (and shapes and axes, which are INT32)."""
        return "FLOAT32" in self.types and self.types <= {"FLOAT32", "INT32"}

    @property
    def is_integer(self) -> bool:
        """Whether it reads and makes nothing but integers."""
        return self.types <= set(_INTEGERS)


def computed(file: Path | bytes) -> tuple[Computed, ...]:
    """Lists how operators compute, in order, but borders between types, or raises ModelError."""
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
    """Checks a mixed file against its recipe, operator by operator in their order.

    Its value is the number that compute otherwise than asked. Raises ModelError if a file cannot be
    read, or the recipe names what the model does not have.
    """
    network, found = read_network(float32), computed(mixed)
    kept = set(network.tensors_of(recipe.keep))
    ops = sorted(network.ops, key=lambda op: op.index)
    if [op.kind for op in ops] != [op.kind for op in found]:
        return _gate(len(ops), len(ops))
    wrong: Counter[str] = Counter()
    for op, own in zip(ops, found, strict=True):
        if op.tensor in kept:
            right = own.is_float and own.kernel in ("", recipe.precision.name)
        else:
            right = own.is_integer
        wrong[op.block] += not right
    blocks = [list(each) for each in (+wrong).most_common()]
    bits = 16 if recipe.precision is Precision.FLOAT16 else 32
    facts = {"wrong_blocks": blocks, "kept": len(kept), "keep": list(recipe.keep), "bits": bits}
    return _gate(wrong.total(), len(ops), **facts)


def _gate(wrong: int, ops: int, **facts: Any) -> Gate:
    facts |= {"wrong": wrong, "operators": ops}
    return judged(NAME, passed=wrong == 0, value=wrong, limit=0, n=ops, facts=facts)


def _check(evidence: Evidence) -> Gate | None:
    own = evidence.variant
    # Where every tensor is an integer, a recipe is about bits.
    if Recipe.FILE not in own.files or own.is_integer:
        return None
    inputs = evidence.context.inputs
    float32, mixed = inputs[f"file:{BASELINE}"], inputs[f"file:{own.name}"]
    return recipe_gate(float32 / MODEL_FILE, mixed / MODEL_FILE, Recipe.load(mixed))


def _sentence(
    wrong: int,
    operators: int,
    wrong_blocks: Sequence[tuple[str, int]] = (),
    kept: int = 0,
    keep: Sequence[str] = (),
    bits: int = 32,
) -> str:
    if wrong_blocks:
        blocks = fmt.some([f"“{name}” ({count})" for name, count in wrong_blocks], _NAMED)
        return f"{wrong} of {operators} operators do not compute as requested: {blocks}."
    if wrong:
        return "The mixed file has other operators than float32."
    if not kept:
        return f"Nothing is kept in floats, and all {operators} operators compute in integers."
    blocks = fmt.some([f"“{name}”" for name in keep], _NAMED)
    return (
        f"{kept} of {operators} operators compute in floats, with {bits}-bit kernels: {blocks}. "
        "All others compute in integers."
    )


GATES.register(
    Rule(
        name=NAME,
        title="Floats exactly where the recipe says",
        purpose="A block in another precision than asked for would have its loss, size and time "
        "put down to another one.",
        sentence=_sentence,
        of_file=_check,
    )
)
