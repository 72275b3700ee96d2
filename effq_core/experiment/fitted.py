"""What is asked of a model whose layers get the bits that fit a size and a latency."""

from __future__ import annotations

import re
from dataclasses import dataclass

from effq_core.base import formatting as fmt
from effq_core.base.errors import ExperimentError
from effq_core.base.glossary import tip
from effq_core.experiment.mixed import BUDGETS
from effq_core.experiment.setting import Axis, Described, Use, setting
from effq_core.experiment.variants import FEW_BITS

WIDTHS = (8, 4, 2)
"""Bits a weight of a matrix product can have."""
_NAMED = re.compile(r"([^=\s]+)=(\d+)")

_SEARCHED = Use(
    part=lambda fitted: fitted.is_suggested,
    why="the bits are named and none are looked for",
    remedy="Name no bits",
)


@dataclass(frozen=True, kw_only=True)
class Fitted(Described):
    """Bits of each layer: named, or those that lose least within limits."""

    PANEL = FEW_BITS

    max_size: int | None = setting(
        None, noun="largest size, in KiB,", title="Largest file", help=tip("max_size"), unit="KiB",
        bounds=(1, 10_000_000), step=100, nothing="int4's size", option="--max-size", key="size",
        omitted=True, use=_SEARCHED,
        axis=Axis(
            name="size_limits", title="largest files", values=(2500, 3000, 3500, 4000),
            words=lambda size: "int4's size" if size is None else fmt.kib(size * fmt.KIB),
        ),
    )  # fmt: skip
    max_slowdown: float | None = setting(
        None, noun="latency allowed", title="At most × int8's time",
        help=tip("max_slowdown"), bounds=(0.5, 20.0), step=0.05, digits=2, nothing="any",
        option="--max-slowdown", key="slowdown", use=_SEARCHED,
    )  # fmt: skip
    widths: tuple[str, ...] = setting(
        (), noun="named width", title="Bits by block",
        help="Blocks or layers and their bits, such as block6a=2, block5a=4; what is not named "
        "keeps 8. Without names, EffQ looks for the bits that lose least within the limits.",
        nothing="those that lose least", option="--widths", key="widths",
    )  # fmt: skip
    budget_seconds: int = setting(
        300, noun="time to measure bits, in seconds,", title="At most measured",
        help=tip("fit_budget"), unit="seconds", bounds=BUDGETS, step=60, option="--fit-budget",
        key="fit_budget", use=_SEARCHED,
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.widths and min(self.named.values()) == max(WIDTHS):
            raise ExperimentError("All named widths are 8: that is int8.", "Give one 4 or 2.")

    @property
    def is_suggested(self) -> bool:
        """Whether bits are looked for rather than named."""
        return not self.widths

    @property
    def named(self) -> dict[str, int]:
        """Bits by the name of a block, layer or group; ``ExperimentError`` for other words."""
        found: dict[str, int] = {}
        for text in self.widths:
            match = _NAMED.fullmatch(text)
            if match is None or int(match[2]) not in WIDTHS:
                raise ExperimentError(
                    f"The named width is {text!r}.", "Give a block and 8, 4 or 2: block6a=4."
                )
            if found.setdefault(match[1], int(match[2])) != int(match[2]):
                raise ExperimentError(f"{match[1]} has two widths.", "Give it one.")
        return found
