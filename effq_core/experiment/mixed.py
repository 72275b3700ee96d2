"""What is asked of a look into the layers, and of a model of mixed precision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from effq_core.base.checks import as_enum, check_count, check_range
from effq_core.base.errors import ExperimentError

LAYER_IMAGES = (16, 5_000)
BUDGETS = (30, 36_000)
DROPS = (0.0, 50.0)
EXTRA_SIZES = (0.0, 300.0)
LATENCY_RATIOS = (0.5, 20.0)
MOST_KEPT = 1_000


class Precision(StrEnum):
    """What a block that is kept out of int8 is stored in; it computes in 32-bit floats."""

    FLOAT16 = "float16"
    """Weights of 16 bits: half the extra size. XNNPACK unpacks them once, when it loads."""
    FLOAT32 = "float32"
    """Weights as they are."""


@dataclass(frozen=True, kw_only=True)
class Layers:
    """How the evidence is gathered that tells which layers lose accuracy.

    Attributes:
        images: Photos each measure looks at: evaluation photos for the signal of each tensor,
            calibration photos for the effect of each block.
        budget_seconds: Time after which no further block or layer is tried, in seconds.
    """

    images: int = 200
    budget_seconds: int = 600

    def __post_init__(self) -> None:
        check_count("The number of photos per layer", self.images, LAYER_IMAGES)
        check_count("The time for layers, in seconds,", self.budget_seconds, BUDGETS)


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """What ``int8_mixed`` keeps out of int8.

    Attributes:
        keep: Blocks, or layers inside blocks, kept in floats, by name, such as ``block1a``; none:
            the smallest set that holds the limits is looked for.
        precision: What they are stored in.
        max_drop_points: A suggestion may lose this much top-1 against float32, in percentage
            points; where photos have no labels, disagree with float32 on this share of them.
        max_extra_size: It may be this much larger than int8, in per cent.
        max_latency_ratio: It may take this many times as long as int8, on one thread; ``None``:
            any time.
        budget_seconds: Time after which no further set is tried, in seconds.
    """

    keep: tuple[str, ...] = ()
    precision: Precision = Precision.FLOAT16
    max_drop_points: float = 0.2
    max_extra_size: float = 15.0
    max_latency_ratio: float | None = None
    budget_seconds: int = 1200

    def __post_init__(self) -> None:
        given: Any = self.keep
        if isinstance(given, str) or not all(isinstance(name, str) and name for name in given):
            raise ExperimentError(f"The blocks to keep are {given!r}.", "Give a list of names.")
        if len(given) > MOST_KEPT:
            raise ExperimentError(f"{len(given):,} blocks to keep are too many.")
        object.__setattr__(self, "keep", tuple(sorted(set(given))))
        object.__setattr__(self, "precision", as_enum(Precision, self.precision))
        check_range("The accuracy drop allowed", self.max_drop_points, DROPS)
        check_range("The extra size allowed", self.max_extra_size, EXTRA_SIZES)
        if self.max_latency_ratio is not None:
            check_range("The latency allowed", self.max_latency_ratio, LATENCY_RATIOS)
        check_count(
            "The time to search for blocks to keep, in seconds,", self.budget_seconds, BUDGETS
        )

    @property
    def is_suggested(self) -> bool:
        """Whether the blocks are looked for rather than named."""
        return not self.keep
