"""What is asked of weights of fewer than eight bits."""

from __future__ import annotations

from dataclasses import dataclass

from effq_core.base.errors import ExperimentError
from effq_core.base.glossary import tip
from effq_core.experiment.rounding_rules import ROUNDING
from effq_core.experiment.setting import Axis, Described, Use, setting
from effq_core.experiment.variants import FEW_BITS

WHOLE, LATE = "whole", "late"
"""What is trained, where no block is named: all, or the late blocks that hold most weights."""
_TRAINED = {WHOLE: "trained whole", LATE: "trained in the late blocks"}


def trained_part(block: str) -> str:
    """Says what training from a block changes."""
    return _TRAINED.get(block, f"trained from {block} on")


@dataclass(frozen=True, kw_only=True)
class LowBits(Described):
    """How weights become integers of fewer than eight bits."""

    PANEL = FEW_BITS

    rounding: str = setting(
        "gptq",
        noun="rounding rule",
        title="Rounding",
        help=tip("rounding"),
        choices=lambda: {row.name: row.title for row in ROUNDING.values()},
        option="--rounding",
        omitted=True,
        use=Use(
            variant=lambda variant: variant.chooses_rounding,
            why="no chosen variant has weights of fewer than eight bits",
            remedy="Add int4",
        ),
        axis=Axis(
            name="roundings", title="rounding rules", words=lambda rule: ROUNDING[rule].title
        ),
    )
    train_from: str = setting(
        LATE,
        noun="first block trained",
        title="Train from",
        help=tip("train_from"),
        option="--train-from",
        omitted=True,
        use=Use(
            variant=lambda variant: variant.trains_file,
            why="no chosen variant trains weights of fewer than eight bits",
            remedy="Add int4_qat",
        ),
        axis=Axis(name="first_blocks", title="first blocks trained", words=trained_part),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.train_from.strip():
            hint = f"Name a block, {LATE} or {WHOLE}."
            raise ExperimentError("No block is named to train from.", hint)
