"""The sweep: a frozen choice of values to try, and the experiments it stands for."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from effq_core.base.errors import ExperimentError
from effq_core.experiment import Experiment
from effq_core.experiment.setting import walk
from effq_core.experiment.variants import get_variant

MOST_RUNS = 120  # runs of one sweep: more cannot be read, and would fill the list of runs


@dataclass(frozen=True, kw_only=True)
class Member:
    """One experiment of a sweep."""

    experiment: Experiment
    label: str


AXES = {each.axis.name: each for each in walk(Experiment) if each.axis.name}


@dataclass(frozen=True, init=False)
class Sweep:
    """Values to try, every one with every other."""

    # What all runs have in common; its seed draws the evaluation photos of all of them.
    base: Experiment
    # By axis, in the order of :data:`AXES`; without any, the base's value is kept.
    values: dict[str, tuple[Any, ...]]

    def __init__(self, /, *, base: Experiment, **values: Collection[Any]) -> None:
        """Checks what is to be tried; ExperimentError where it makes no sensible sweep."""
        if not isinstance(base, Experiment):
            raise ExperimentError("A sweep needs an experiment to vary.")
        base.require_own_files("A sweep")
        if unknown := sorted(set(values) - set(AXES)):
            message = f"Unknown setting of a sweep: {', '.join(unknown)}."
            raise ExperimentError(message, f"Known: {', '.join(('base', *AXES))}.")
        object.__setattr__(self, "base", base)
        # Each value once and in one order, so that equal sweeps are equal.
        tidied = {axis: _tidied(axis, values.get(axis, ())) for axis in AXES}
        object.__setattr__(self, "values", tidied)
        if self.runs > MOST_RUNS:
            counts = " × ".join(f"{len(self.values[a])} {AXES[a].axis.title}" for a in self.axes)
            raise ExperimentError(
                f"This sweep has {self.runs:,} runs ({counts}); at most {MOST_RUNS} are allowed.",
                "Choose fewer values, or make several sweeps.",
            )
        if self.runs < 2:
            hint = "Give at least two values of a setting, or start a run."
            raise ExperimentError("This sweep has one run.", hint)
        self._check_needed()

    def _check_needed(self) -> None:
        for axis in self.axes:
            use = AXES[axis].use
            if use and not any(responds(name, axis) for name in self.base.variants):
                message = f"No chosen variant depends on the {AXES[axis].axis.title}."
                raise ExperimentError(message, f"{use.remedy}.")

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes that have values."""
        return tuple(axis for axis, values in self.values.items() if values)

    @property
    def varied(self) -> tuple[str, ...]:
        """The axes that have two values or more."""
        return tuple(axis for axis, values in self.values.items() if len(values) > 1)

    @property
    def runs(self) -> int:
        """How many runs it has."""
        return math.prod(len(self.values[axis]) for axis in self.axes)

    def members(self) -> tuple[Member, ...]:
        """Returns the experiments, each once; all of the first seed first, as it may be stopped."""
        first = self.base.seed if self.base.common_seed is None else self.base.common_seed
        axes = sorted(self.axes, key=lambda axis: axis != "seeds")  # the seeds change last
        found = []
        for chosen in itertools.product(*(self.values[axis] for axis in axes)):
            values = dict(zip(axes, chosen, strict=True))
            # All runs share photos and float model, so that only the choice differs.
            changes = {AXES[axis].path: value for axis, value in values.items()}
            experiment = self.base.changed({**changes, "common_seed": first})
            words = [AXES[axis].axis.words(values[axis]) for axis in self.varied]
            found.append(Member(experiment=experiment, label=", ".join(words)))
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Returns the sweep as plain JSON values."""
        values = {axis: v for axis, v in self.values.items() if v or not AXES[axis].omitted}
        return {"base": self.base.to_dict(), **json.loads(json.dumps(values))}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Sweep:
        """Rebuilds a sweep from :meth:`to_dict`; a missing list is empty."""
        if not isinstance(plain, dict) or not isinstance(plain.get("base"), dict):
            raise ExperimentError("A sweep must be an object with a base experiment.")
        return cls(**{**plain, "base": Experiment.from_dict(plain["base"])})

    def canonical_json(self) -> str:
        """Returns the one JSON text equal sweeps share (sorted keys, no spaces)."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    def fingerprint(self) -> str:
        """Returns the SHA-256 of :meth:`canonical_json`, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()


def responds(variant: str, axis: str) -> bool:
    """Tells whether another value of an axis makes another file of a variant."""
    entry, use = get_variant(variant), AXES[axis].use
    # What has no use of its own, such as the seed, draws samples.
    return use.variant(entry) if use else entry.needs_calibration or entry.trained


def worth_sweeping(base: Experiment, axes: Iterable[str]) -> Experiment:
    """Keeps float32 and the variants that what the sweep varies can change."""
    varied = [axis for axis in axes if AXES[axis].use] or ["seeds"]
    # Fine-tuning anew for every calibration size costs hours nobody has asked for.
    trains = any(AXES[axis].part != "calibration" for axis in varied)
    kept = [
        n
        for n in base.variants
        if any(responds(n, a) for a in varied) and (trains or not get_variant(n).trained)
    ]
    return replace(base, variants=tuple(kept) or base.variants)


def _tidied(axis: str, values: Any) -> tuple[Any, ...]:
    setting = AXES[axis]
    if isinstance(values, (str, bytes)) or not isinstance(values, Collection):
        raise ExperimentError(f"{axis} is {values!r}.", "Give a list.")
    found = {setting.checked(value) for value in values}
    order = list(setting.choices()) if setting.choices else sorted(found)
    return tuple(value for value in order if value in found)


def label_of(sweep: Sweep) -> str:
    """Says what a sweep varies: "3 calibration sizes × 2 seeds"."""
    return " × ".join(f"{len(sweep.values[axis])} {AXES[axis].axis.title}" for axis in sweep.varied)
