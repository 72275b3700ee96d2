"""The catalogue of variants: the only vocabulary for deployable forms of a model.

A variant's row says everything other modules need to know about it: its name in files and tables,
its colour in every chart, how many bits weights and activations have, and what producing it needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from effq_core.base.errors import ExperimentError


class Recipe(StrEnum):
    """How a variant's ``.tflite`` file is made."""

    FLOAT = "float"
    """Converted as it is."""
    WEIGHTS_ONLY = "weights_only"
    """Post-training, weights stored small; no calibration images needed."""
    PTQ = "ptq"
    """Post-training, weights and activations integer; ranges from calibration images."""
    QAT = "qat"
    """Quantization-aware: ranges live in the graph as fake-quant operators."""
    MIXED = "mixed"
    """Post-training int8, with some blocks kept in floats."""
    READY = "ready"
    """Not made at all: a file somebody brought, to be measured beside the others."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One deployable form of a model.

    Attributes:
        name: Identifier in files, tables and the command line.
        title: Name for people.
        colour: Colour in every chart, ``#rrggbb``.
        weight_bits: Bits of a stored weight, of most where they are mixed; 0 for a file somebody
            brought.
        activation_bits: Bits of an activation at run time; of most, where they are mixed.
        recipe: How the file is made.
        trained: Whether fine-tuning happens before conversion.
        is_control: Whether it exists to explain another variant rather than to be shipped.
        is_on_request: Whether only those get it who ask for it by name.
        summary: What it is, in one line.
        good_for: When to choose it, in one line.
    """

    name: str
    title: str
    colour: str
    weight_bits: int
    activation_bits: int
    recipe: Recipe
    trained: bool = False
    is_control: bool = False
    is_on_request: bool = False
    summary: str
    good_for: str

    @property
    def is_integer(self) -> bool:
        """Whether every tensor, input and output included, must be an integer."""
        return self.recipe in (Recipe.PTQ, Recipe.QAT)

    @property
    def needs_calibration(self) -> bool:
        """Whether calibration images set its activation ranges."""
        return self.recipe in (Recipe.PTQ, Recipe.QAT, Recipe.MIXED)


# Colours: Okabe and Ito's palette for colour-blind readers ("Color Universal Design", 2008).
_ROWS = (
    Variant(
        name="float32",
        title="Float32",
        colour="#6b7280",
        weight_bits=32,
        activation_bits=32,
        recipe=Recipe.FLOAT,
        summary="The model as trained: the baseline every other variant is compared with.",
        good_for="The reference; a server, or a device where size and time do not matter.",
    ),
    Variant(
        name="float16",
        title="Float16",
        colour="#0072b2",
        weight_bits=16,
        activation_bits=32,
        recipe=Recipe.WEIGHTS_ONLY,
        summary="Weights stored as 16-bit floats, computed as 32-bit on a CPU.",
        good_for="Half the size at no loss; phone GPUs that compute in float16.",
    ),
    Variant(
        name="dynamic_range",
        title="Dynamic range",
        colour="#e69f00",
        weight_bits=8,
        activation_bits=32,
        recipe=Recipe.WEIGHTS_ONLY,
        summary="8-bit weights; activations are quantized on the fly, image by image.",
        good_for="A quarter of the size without any calibration photos.",
    ),
    Variant(
        name="int8",
        title="Int8 (PTQ)",
        colour="#009e73",
        weight_bits=8,
        activation_bits=8,
        recipe=Recipe.PTQ,
        summary="Integers throughout; calibration photos set the activation ranges.",
        good_for="Smallest and fastest on CPUs, and the only form for integer accelerators.",
    ),
    Variant(
        name="int8_qat",
        title="Int8 (QAT)",
        colour="#d55e00",
        weight_bits=8,
        activation_bits=8,
        recipe=Recipe.QAT,
        trained=True,
        summary="Integers throughout, after fine-tuning with fake-quant operators in the graph.",
        good_for="Int8 where PTQ loses accuracy and there are photos to fine-tune on.",
    ),
    Variant(
        name="int8_mixed",
        title="Int8 (mixed)",
        colour="#8f8a00",
        weight_bits=8,
        activation_bits=8,
        recipe=Recipe.MIXED,
        is_on_request=True,
        summary="Int8, with the blocks that lose most kept in floats.",
        good_for="Int8 where a few blocks cost accuracy and there is no time to fine-tune.",
    ),
    Variant(
        name="int8_qat_untrained",
        title="Int8 (QAT ranges, untrained)",
        colour="#cc79a7",
        weight_bits=8,
        activation_bits=8,
        recipe=Recipe.QAT,
        is_control=True,
        summary="The QAT graph with calibrated ranges and no training step.",
        good_for="A control: what QAT's ranges give before any training.",
    ),
    Variant(
        name="int8_float_control",
        title="Int8 (float control)",
        colour="#56b4e9",
        weight_bits=8,
        activation_bits=8,
        recipe=Recipe.PTQ,
        trained=True,
        is_control=True,
        summary="Fine-tuned for the same epochs without fake-quant, then PTQ.",
        good_for="A control: what the extra training alone gives.",
    ),
)

CATALOGUE: dict[str, Variant] = {row.name: row for row in _ROWS}
STANDARD = tuple(row.name for row in _ROWS if not (row.is_control or row.is_on_request))
CONTROLS = tuple(row.name for row in _ROWS if row.is_control)
BASELINE = "float32"
PTQ = "int8"
MIXED = "int8_mixed"
READY_PREFIX = "file_"
"""How the name of a variant begins that is a file somebody brought."""
_READY = re.compile(rf"{READY_PREFIX}[a-z0-9]+(?:_[a-z0-9]+)*")
_READY_COLOURS = ("#7a5195", "#8c564b", "#4d7c0f")


def get_variant(name: str) -> Variant:
    """Looks a variant up by name.

    Args:
        name: A name of the catalogue.

    Returns:
        Its row.

    Raises:
        ExperimentError: If there is no such variant.
    """
    if is_ready(name):
        return _ready(name)
    try:
        return CATALOGUE[name]
    except KeyError:
        raise ExperimentError(
            f"There is no variant {name!r}.", f"Choose from: {', '.join(CATALOGUE)}."
        ) from None


def is_ready(name: str) -> bool:
    """Returns whether a name is that of a file somebody brought; not whether it is there."""
    return _READY.fullmatch(name) is not None


def _ready(name: str) -> Variant:
    title = name.removeprefix(READY_PREFIX).replace("_", " ")
    return Variant(
        name=name,
        title=f"{title} (your file)",
        colour=_READY_COLOURS[sum(name.encode()) % len(_READY_COLOURS)],
        weight_bits=0,
        activation_bits=0,
        recipe=Recipe.READY,
        is_control=True,
        summary="A .tflite file you brought, as it is.",
        good_for="Seeing where a file of yours stands beside EffQ's.",
    )


def in_catalogue_order(names: Iterable[str]) -> tuple[str, ...]:
    """Checks names, removes repeats and puts them in the catalogue's order.

    Args:
        names: Names of variants.

    Returns:
        The distinct names, in the catalogue's order; files somebody brought come last.

    Raises:
        ExperimentError: If a name is not in the catalogue.
    """
    wanted: Sequence[str] = [get_variant(name).name for name in names]
    ready = sorted({name for name in wanted if name not in CATALOGUE})
    return (*(name for name in CATALOGUE if name in wanted), *ready)
