"""The sweep: a frozen choice of values to try, and the experiments it stands for."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.base.errors import ExperimentError
from effq_core.base.formatting import rate_text
from effq_core.experiment import Experiment, QatLoss
from effq_core.experiment.calibration_methods import METHODS
from effq_core.experiment.variants import get_variant
from effq_core.results.wording import loss_title, method_title

MOST_RUNS = 120
"""Runs of one sweep: more cannot be read, and would fill the list of runs."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """One experiment of a sweep.

    Attributes:
        experiment: What it runs.
        label: What sets it apart from the others, for people.
    """

    experiment: Experiment
    label: str


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Values to try, every one with every other. A tuple left empty keeps the base's value.

    Attributes:
        base: What all runs have in common; its seed draws the evaluation photos of all of them.
        calibration_sizes: Numbers of calibration images.
        methods: Calibration methods.
        epochs: Numbers of epochs of fine-tuning.
        learning_rates: Learning rates of fine-tuning.
        losses: Losses of fine-tuning.
        seeds: Seeds of calibration and training samples and of training.

    Raises:
        ExperimentError: If it stands for one run or for too many, a value is out of range, or
            nothing that was chosen depends on a value that varies.
    """

    base: Experiment
    calibration_sizes: tuple[int, ...] = ()
    methods: tuple[str, ...] = ()
    epochs: tuple[int, ...] = ()
    learning_rates: tuple[float, ...] = ()
    losses: tuple[QatLoss, ...] = ()
    seeds: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.base, Experiment):
            raise ExperimentError("A sweep needs an experiment to vary.")
        self.base.require_own_files("A sweep")
        for axis in AXES:
            values = getattr(self, axis)
            if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
                raise ExperimentError(f"{axis} is {values!r}.", "Give a list.")
            # Each value once and in one order, so that equal sweeps are equal.
            object.__setattr__(self, axis, _tidied(axis, values))
        runs = self.runs
        if runs > MOST_RUNS:
            counts = " × ".join(f"{len(getattr(self, axis))} {AXES[axis]}" for axis in self.axes)
            raise ExperimentError(
                f"This sweep has {runs:,} runs ({counts}), and {MOST_RUNS} are the most.",
                "Choose fewer values, or make several sweeps.",
            )
        if runs < 2:
            raise ExperimentError(
                "This sweep has one run.", "Give two values or more of a choice, or use a run."
            )
        self._check_needed()
        self.members()  # an experiment says itself which of its values is out of range

    def _check_needed(self) -> None:
        for axis in self.axes:
            if axis != "seeds" and not any(responds(v, axis) for v in self.base.variants):
                raise ExperimentError(
                    f"No chosen variant depends on the {AXES[axis]}.",
                    "Add int8." if axis in _CALIBRATION else "Add int8_qat.",
                )

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the choices that have values, in the order of the fields."""
        return tuple(axis for axis in AXES if getattr(self, axis))

    @property
    def runs(self) -> int:
        """How many runs it has."""
        count = 1
        for axis in self.axes:
            count *= len(getattr(self, axis))
        return count

    def members(self) -> tuple[Member, ...]:
        """Returns the experiments, each once, always in the same order.

        All settings come with the first seed, then all with the second: a sweep that is stopped
        half-way has compared everything, with fewer seeds.

        Returns:
            The experiments with their labels.

        Raises:
            ExperimentError: If a value is out of range.
        """
        base = self.base
        first = base.seed if base.common_seed is None else base.common_seed
        several = [axis for axis in self.axes if len(getattr(self, axis)) > 1]
        found = []
        choices = itertools.product(
            self.seeds or (base.seed,),
            self.calibration_sizes or (base.calibration.size,),
            self.methods or (base.calibration.method,),
            self.epochs or (base.qat.epochs,),
            self.learning_rates or (base.qat.learning_rate,),
            self.losses or (base.qat.loss,),
        )
        for seed, size, method, epochs, rate, loss in choices:
            experiment = replace(
                base,
                calibration=replace(base.calibration, size=size, method=method),
                qat=replace(base.qat, epochs=epochs, learning_rate=rate, loss=loss),
                seed=seed,
                # The same photos and float model in all runs: only so is it the choice that is
                # measured, and what it rests on made once.
                common_seed=first,
            )
            words = [_WORDS[axis](experiment) for axis in several]
            found.append(Member(experiment=experiment, label=", ".join(words)))
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Returns the sweep as plain JSON values."""
        plain: dict[str, Any] = {axis: list(getattr(self, axis)) for axis in AXES}
        return {"base": self.base.to_dict(), **json.loads(json.dumps(plain))}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Sweep:
        """Rebuilds a sweep from :meth:`to_dict`.

        Args:
            plain: JSON values; a missing list is empty.

        Returns:
            The validated sweep.

        Raises:
            ExperimentError: If a key is unknown or a value out of range.
        """
        if not isinstance(plain, dict) or not isinstance(plain.get("base"), dict):
            raise ExperimentError("A sweep must be an object with a base experiment.")
        unknown = sorted(set(plain) - {field.name for field in fields(cls)})
        if unknown:
            raise ExperimentError(
                f"Unknown setting of a sweep: {', '.join(unknown)}.",
                f"Known: {', '.join(field.name for field in fields(cls))}.",
            )
        return cls(**{**plain, "base": Experiment.from_dict(plain["base"])})

    def canonical_json(self) -> str:
        """Returns the one JSON text equal sweeps share (sorted keys, no spaces)."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    def fingerprint(self) -> str:
        """Returns the SHA-256 of :meth:`canonical_json`, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()


AXES = {
    "calibration_sizes": "calibration sizes",
    "methods": "calibration methods",
    "epochs": "numbers of epochs",
    "learning_rates": "learning rates",
    "losses": "losses",
    "seeds": "seeds",
}
"""The choices a sweep can vary, with their names for people."""

_CALIBRATION = ("calibration_sizes", "methods")

_WORDS: dict[str, Callable[[Experiment], str]] = {
    "calibration_sizes": lambda e: fmt.counted(e.calibration.size, "photo"),
    "methods": lambda e: method_title(e.calibration.method).lower(),
    "epochs": lambda e: fmt.counted(e.qat.epochs, "epoch"),
    "learning_rates": lambda e: f"learning rate {rate_text(e.qat.learning_rate)}",
    "losses": lambda e: f"loss {loss_title(e.qat.loss).lower()}",
    "seeds": lambda e: f"seed {e.seed}",
}


def responds(variant: str, axis: str) -> bool:
    """Tells whether a variant depends on a choice.

    Args:
        variant: Its name.
        axis: One of :data:`AXES`.

    Returns:
        Whether another value makes another file.
    """
    entry = get_variant(variant)
    if axis == "methods":
        return entry.uses_method
    if axis == "calibration_sizes":
        return entry.needs_calibration
    if axis == "seeds":
        return entry.needs_calibration or entry.trained
    return entry.trained


def worth_sweeping(base: Experiment, axes: Iterable[str]) -> Experiment:
    """Leaves out the variants that stay as they are whatever the sweep varies.

    Args:
        base: An experiment.
        axes: The choices that vary.

    Returns:
        The same with the variants that depend on a choice; float32 is always among them, and those
        that are fine-tuned only where a choice of fine-tuning varies, or nothing but the seed.
    """
    varied = [axis for axis in axes if axis != "seeds"] or ["seeds"]
    # Fine-tuning anew for every calibration size costs hours nobody has asked for.
    trains = not set(varied).issubset(_CALIBRATION)
    kept = [
        name
        for name in base.variants
        if any(responds(name, axis) for axis in varied)
        and (trains or not get_variant(name).trained)
    ]
    return replace(base, variants=tuple(kept) or base.variants)


def _tidied(axis: str, values: Iterable[Any]) -> tuple[Any, ...]:
    try:
        if axis == "methods":
            chosen = {METHODS[value].name for value in values}
            return tuple(method for method in METHODS if method in chosen)
        if axis == "losses":
            losses = {QatLoss(value) for value in values}
            return tuple(loss for loss in QatLoss if loss in losses)
        return tuple(sorted(set(values)))
    except (TypeError, ValueError) as error:
        raise ExperimentError(f"The {AXES[axis]} cannot be used ({error}).") from None


def label_of(sweep: Sweep) -> str:
    """Says what a sweep varies: "3 calibration sizes × 2 seeds"."""
    parts = []
    for axis in sweep.axes:
        count = len(getattr(sweep, axis))
        if count > 1:
            parts.append(f"{count} {AXES[axis]}")
    return " × ".join(parts)


def values_of(sweep: Sweep) -> dict[str, list[Any]]:
    """Returns the values that vary, by the name of the choice."""
    plain = asdict(sweep)
    return {axis: list(plain[axis]) for axis in sweep.axes}
