"""What a variant is, and the catalogue; no other module knows a variant by its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from effq_core.base.registry import Registry


class Ranges(StrEnum):
    """Where the ranges of a variant's activations come from."""

    NONE = "none"  # activations are floats: there are none
    METHOD = "method"  # the calibration method makes them of what calibration photos did
    OWN = "own"  # a rule of the variant's own makes them of what calibration photos did
    FAKE_QUANT = "fake_quant"  # operators in the graph observed photos, whatever the method


CONTROLS = "Controls"
FEW_BITS = "4 bits and below"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One deployable form of a model."""

    name: str  # identifier in files, tables and the command line
    title: str
    summary: str
    good_for: str
    colour: str
    symbol: str  # plotly's marker in every chart, so that colour never stands alone
    # Bits of a stored weight, of most where they are mixed; 0 for an added file.
    weight_bits: int
    activation_bits: int  # bits of an activation at run time; of most, where they are mixed
    rounding: str = "nearest"  # the rule by which weights become integers; the usual one
    chooses_rounding: bool = False  # whether a setting chooses another rule
    size_share: float  # bytes of its file for each byte of float32's, to estimate disk space
    ranges: Ranges = Ranges.NONE  # where the ranges of its activations come from
    is_integer: bool = False  # whether every tensor, input and output included, must be an integer
    runtime: str = "litert"  # of its file; the end of the file's name is that runtime's
    # Adds the stages that make ``convert:<name>``; takes the planner and this row.
    plan: Callable[[Any, Variant], None]
    # Variants that are made as well, because it is made from them or limited by them.
    needs: tuple[str, ...] = ()
    training: str = ""  # stage whose summary tells how it was trained or its graph calibrated
    # What stages of its own are about, by the part of their name behind the colon.
    steps: Mapping[str, str] = field(default_factory=dict)
    # JSON files beside its model that go along with it, with what each one holds.
    files: Mapping[str, str] = field(default_factory=dict)
    # The variant whose operators its file must have, so that their speed can be compared.
    operators_of: str = ""
    trained: bool = False  # whether fine-tuning happens before conversion
    is_on_request: bool = False  # whether only those get it who ask for it by name
    # Of a control: what it shows, as the end of a sentence; it exists to explain another variant
    # rather than to be shipped.
    explains: str = ""
    beside: str = ""  # of a control: the variant without which it explains nothing
    start_of: str = ""  # the variant it is before any training

    @property
    def is_control(self) -> bool:
        """Whether it exists to explain another variant rather than to be shipped."""
        return bool(self.explains)

    @property
    def trains_file(self) -> bool:
        """Whether an integer file is trained rather than the Keras model."""
        return self.trained and 0 < self.weight_bits < 8

    @property
    def group(self) -> str:
        """What it is offered among."""
        if self.is_control:
            return CONTROLS
        return "Float" if self.weight_bits > 8 else "8 bits" if self.weight_bits == 8 else FEW_BITS

    @property
    def rounding_rule(self) -> str:
        """Its rounding rule; empty where weights stay floats, and for an added file."""
        return self.rounding if 0 < self.weight_bits <= 8 else ""

    @property
    def needs_calibration(self) -> bool:
        """Whether calibration images set its activation ranges."""
        return self.ranges is not Ranges.NONE

    @property
    def uses_method(self) -> bool:
        """Whether another calibration method makes another file."""
        return self.ranges is Ranges.METHOD


def _place(row: Variant) -> tuple[Any, ...]:
    """Sorts from floats to few bits and from easy to costly; controls come last."""
    bits = -row.weight_bits, -row.activation_bits
    return row.is_control, *bits, row.is_on_request, row.trained, row.name


CATALOGUE: Registry[Variant] = Registry(
    "variant", unique=("title", "colour", "symbol", "summary", "good_for"), order=_place
)
BASELINE = "float32"
PTQ = "int8"
MIXED = "int8_mixed"
FITTED = "fitted"
READY_PREFIX = "file_"  # how the name of a variant begins that is an added file
_READY = re.compile(rf"{READY_PREFIX}[a-z0-9]+(?:_[a-z0-9]+)*")
_READY_COLOURS = ("#7a5195", "#8c564b", "#4d7c0f")


def standard() -> tuple[str, ...]:
    """Returns the variants that are made where nobody chooses."""
    rows = CATALOGUE.values()
    return tuple(row.name for row in rows if not (row.is_control or row.is_on_request))


def controls() -> tuple[str, ...]:
    """Returns the variants that exist to explain the standard ones."""
    rows = CATALOGUE.values()
    return tuple(row.name for row in rows if row.is_control and not row.is_on_request)


def get_variant(name: str) -> Variant:
    """Looks a variant, or an added file, up by name; ``ExperimentError`` if there is none."""
    return _ready(name) if is_ready(name) else CATALOGUE[name]


def is_ready(name: str) -> bool:
    """Returns whether a name is that of an added file; not whether it is there."""
    return _READY.fullmatch(name) is not None


def _ready(name: str) -> Variant:
    title = name.removeprefix(READY_PREFIX).replace("_", " ")
    return Variant(
        name=name,
        title=f"{title} (your file)",
        summary="A .tflite file you added, as it is.",
        good_for="Seeing where a file of yours stands beside EffQ's.",
        colour=_READY_COLOURS[sum(name.encode()) % len(_READY_COLOURS)],
        symbol="hexagon",
        weight_bits=0,
        activation_bits=0,
        size_share=0.31,
        plan=lambda planner, row: planner.take_ready(row.name),
        explains="where a file of yours stands",
    )


def in_catalogue_order(names: Iterable[str]) -> tuple[str, ...]:
    """Puts names, each once, in order, added files last; ``ExperimentError`` if unknown."""
    wanted: Sequence[str] = [get_variant(name).name for name in names]
    ready = sorted({name for name in wanted if name not in CATALOGUE})
    return (*(name for name in CATALOGUE if name in wanted), *ready)
