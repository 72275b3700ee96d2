"""What is asked of a look into the layers, and of a model of mixed precision."""

from dataclasses import dataclass
from enum import StrEnum

from effq_core.base.glossary import tip
from effq_core.experiment.setting import Described, Use, setting, titles

BUDGETS = (30, 36_000)


class Precision(StrEnum):
    """What a block that is kept out of int8 is stored in; it computes in 32-bit floats."""

    FLOAT16 = "float16"  # half the extra size; XNNPACK unpacks them once, when it loads
    FLOAT32 = "float32"  # weights as they are


_SEARCHED = Use(
    part=lambda mixed: mixed.is_suggested,
    why="the blocks to keep are named and none are looked for",
    remedy="Name no blocks",
)


@dataclass(frozen=True, kw_only=True)
class Layers(Described):
    """How the evidence is gathered that tells which layers lose accuracy."""

    PANEL = "Layers"

    images: int = setting(
        200, noun="number of photos per layer", title="Photos for each measure",
        help=tip("layer_images"), bounds=(16, 5_000), step=20, option="--layer-images",
    )  # fmt: skip
    budget_seconds: int = setting(
        600, noun="time for layers, in seconds,", title="At most", help=tip("layer_budget"),
        unit="seconds", bounds=BUDGETS, step=60, option="--layer-budget", key="budget",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Mixed(Described):
    """What ``int8_mixed`` keeps out of int8; blocks named, or looked for within limits."""

    PANEL = "Mixed precision"

    keep: tuple[str, ...] = setting(
        (), noun="kept block", title="Blocks to keep in floats",
        help="Blocks or layers kept in floats, such as stem, block1a; `effq layers` and the Layers "
        "page show them. Without names, EffQ searches for the smallest set within the limits and "
        "measures each set tried.",
        nothing="the smallest set within the limits", option="--keep",
    )  # fmt: skip
    precision: Precision = setting(
        Precision.FLOAT16, noun="precision of kept blocks", title="Stored as",
        help=tip("keep_precision"), choices=titles(Precision, *Precision),
        option="--keep-precision",
    )  # fmt: skip
    max_drop_points: float = setting(
        0.2, noun="accuracy drop allowed", title="At most lost", help=tip("max_drop"),
        unit="points", bounds=(0.0, 50.0), step=0.1, digits=2, option="--max-drop", key="drop",
        use=_SEARCHED,
    )  # fmt: skip
    max_extra_size: float = setting(
        15.0, noun="extra size allowed", title="Largest extra size over int8",
        help=tip("max_extra_size"), unit="%", bounds=(0.0, 300.0), step=1.0,
        option="--max-extra-size", key="extra", use=_SEARCHED,
    )  # fmt: skip
    max_latency_ratio: float | None = setting(
        None, noun="latency allowed", title="At most × int8's time", help=tip("max_latency"),
        bounds=(0.5, 20.0), step=0.1, digits=2, nothing="any", option="--max-latency-ratio",
        key="ratio", use=_SEARCHED,
    )  # fmt: skip
    budget_seconds: int = setting(
        1200, noun="time to search for blocks to keep, in seconds,", title="At most searched",
        help="After this time no further set of blocks is tried.", unit="seconds", bounds=BUDGETS,
        step=60, option="--search-budget", key="budget", use=_SEARCHED,
    )  # fmt: skip

    @property
    def is_suggested(self) -> bool:
        """Whether the blocks are looked for rather than named."""
        return not self.keep
