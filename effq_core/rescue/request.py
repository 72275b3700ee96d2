"""What is asked of a rescue: how much may be lost, and what may be tried."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from effq_core.base.checks import check_count, check_range, known, one_of
from effq_core.base.errors import ExperimentError
from effq_core.base.plain import Plain
from effq_core.base.run_ids import validate_run_id
from effq_core.experiment import Experiment

DROPS = (0.0, 50.0)
BUDGETS = (10, 604_800)


class Remedy(StrEnum):
    """What can be tried where int8 loses too much."""

    PERCENTILE = "percentile"  # clip the activations' rarest values
    MOVING_AVERAGE = "moving_average"  # the mean of each photo's range, not the widest
    MORE_IMAGES = "more_images"  # calibrate with more photos
    MIXED = "mixed"  # keep the blocks that lose most in floats
    QAT = "qat"  # fine-tune with fake-quant operators in the graph


@dataclass(frozen=True, kw_only=True)
class Rescue(Plain):
    """A limit, and what may be tried to hold it."""

    experiment: Experiment  # what int8 is made of; every remedy changes one thing about it
    run: str = ""  # a finished run of it, whose int8 need not be measured again; empty without
    # Top-1 it may lose, percentage points; without labels, other answers it may give, per cent.
    max_drop_points: float = 0.5
    remedies: tuple[Remedy, ...] = tuple(Remedy)
    # Time after which nothing more is tried, in seconds; ``None``: no limit.
    budget_seconds: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.experiment, Experiment):
            raise ExperimentError("A rescue needs an experiment.")
        self.experiment.require_own_files("A rescue")
        if self.run:
            validate_run_id(self.run)
        check_range("The accuracy drop allowed", self.max_drop_points, DROPS)
        if isinstance(self.remedies, (str, bytes)) or not isinstance(self.remedies, Iterable):
            raise ExperimentError(f"The remedies are {self.remedies!r}.", "Give a list.")
        chosen = {one_of("remedy", name, Remedy) for name in self.remedies}
        if not chosen:
            raise ExperimentError("No remedy was chosen.", f"Choose from: {', '.join(Remedy)}.")
        object.__setattr__(self, "remedies", tuple(r for r in Remedy if r in chosen))
        if self.budget_seconds is not None:
            check_count("The time for a rescue, in seconds,", self.budget_seconds, BUDGETS)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Rebuilds a request from :meth:`to_dict`."""
        values = known(cls, plain)
        if not isinstance(values.get("experiment"), dict):
            raise ExperimentError("A rescue must have an experiment.")
        return cls(**{**values, "experiment": Experiment.from_dict(values["experiment"])})
