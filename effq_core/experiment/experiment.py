"""The experiment: the frozen choice of everything a run depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from effq_core.base.checks import as_enum, check_count, check_range, known
from effq_core.base.errors import ExperimentError
from effq_core.base.run_ids import validate_run_id
from effq_core.experiment.calibration_methods import METHODS
from effq_core.experiment.mixed import Layers, Mixed
from effq_core.experiment.variants import (
    BASELINE,
    MIXED,
    PTQ,
    get_variant,
    in_catalogue_order,
    standard,
)

CALIBRATION_SIZES = (10, 2000)
EPOCHS = (1, 100)
BATCH_SIZES = (1, 256)
LEARNING_RATES = (1e-8, 1e-1)
PERCENTILES = (90.0, 100.0)
THREADS = (1, 64)
BENCHMARK_INVOCATIONS = (100, 10_000)
IMAGE_SIZES = (32, 600)
SAMPLE_SIZES = (1, 10_000_000)
SITTINGS = (0, 100_000)

REFERENCE = "reference"
"""Names the bundled reference run where a run's id is expected."""
_OPTIONAL = {
    "common_seed": None,
    "layers": None,
    "mixed": None,
    "sitting": 0,
    "files_of": None,
}


class QatLoss(StrEnum):
    """What fine-tuning minimises."""

    AUTO = "auto"
    """``labels`` where every training image has one, ``distill`` otherwise."""
    LABELS = "labels"
    """Cross-entropy against the photos' labels."""
    DISTILL = "distill"
    """Kullback-Leibler divergence from the float model's outputs; needs no labels."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How the representative dataset sets activation ranges.

    Attributes:
        size: Images, 10 to 2000.
        method: Name of the calibration method that makes ranges of their activations.
        percentile: Share of values a range must hold, in per cent; for the methods that use it.
    """

    size: int = 500
    # The one that measured best on both bundled models: see docs/results.md.
    method: str = "percentile"
    percentile: float = 99.99

    def __post_init__(self) -> None:
        object.__setattr__(self, "method", METHODS[self.method].name)
        check_count("The calibration size", self.size, CALIBRATION_SIZES)
        check_range("The calibration percentile", self.percentile, PERCENTILES)

    @property
    def method_text(self) -> str:
        """The method and what it is set to, such as ``percentile 99.99 %``."""
        return METHODS[self.method].text(self.percentile)


@dataclass(frozen=True, kw_only=True)
class Qat:
    """Settings of quantization-aware training; the defaults are the paper's.

    Attributes:
        epochs: Passes over the training images.
        learning_rate: Adam's.
        batch_size: Images a step.
        loss: What is minimised.
        validation_share: Share of the training sample held out to choose the best epoch.
    """

    epochs: int = 5
    learning_rate: float = 1e-5
    batch_size: int = 32
    loss: QatLoss = QatLoss.AUTO
    validation_share: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", as_enum(QatLoss, self.loss))
        check_count("The number of QAT epochs", self.epochs, EPOCHS)
        check_range("The QAT learning rate", self.learning_rate, LEARNING_RATES)
        check_count("The QAT batch size", self.batch_size, BATCH_SIZES)
        check_range("The QAT validation share", self.validation_share, (0.01, 0.5))


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Everything a run depends on. Two equal experiments give the same artifacts.

    Attributes:
        model: Identifier in the model catalogue.
        dataset: Identifier of a dataset: ``photo_patches``, ``imagenette`` or ``folder:/path``.
        variants: Names from the variant catalogue, in its order; ``float32`` is always among them,
            because every other number is a difference to it.
        calibration: How activation ranges are found.
        qat: Settings of fine-tuning, also used by the float control.
        training_size: Images to fine-tune (and train a new head) on; ``None``: all that remain.
        evaluation_size: Images to measure accuracy on; ``None``: all there are.
        image_size: Side of the model's square input in pixels; ``None``: the model's own.
        threads: Thread counts latency is measured at.
        benchmark_invocations: Timed invocations a latency measurement has.
        seed: Of every random choice.
        common_seed: Of what the runs of a sweep have in common, whatever their ``seed``: the
            evaluation sample, and the photos a new head is trained on. ``None``: all is drawn by
            ``seed``.
        layers: Look for the layers that lose accuracy; ``None``: do not.
        mixed: What ``int8_mixed`` keeps out of int8; ``None`` unless it is among the variants.
        sitting: Which time the latencies are taken, from 0: a later sitting keeps all but them.
        files_of: A run whose files are measured on ``dataset`` as they are, or ``reference``;
            nothing is made then. ``None``: the files are made from ``dataset``.
    """

    model: str = "efficientnetv2_b0_imagenette"
    dataset: str = "photo_patches"
    variants: tuple[str, ...] = field(default_factory=standard)
    calibration: Calibration = field(default_factory=Calibration)
    qat: Qat = field(default_factory=Qat)
    training_size: int | None = None
    evaluation_size: int | None = None
    image_size: int | None = None
    threads: tuple[int, ...] = (1, 2)
    benchmark_invocations: int = 100
    seed: int = 42
    common_seed: int | None = None
    layers: Layers | None = None
    mixed: Mixed | None = None
    sitting: int = 0
    files_of: str | None = None

    def __post_init__(self) -> None:
        if not self.variants:
            raise ExperimentError("No variant was chosen.", "Choose at least one.")
        needed = [other for name in self.variants for other in get_variant(name).needs]
        needed += [BASELINE, PTQ] if self.layers else [BASELINE]
        object.__setattr__(self, "variants", in_catalogue_order((*self.variants, *needed)))
        mixes = MIXED in self.variants
        object.__setattr__(self, "mixed", (self.mixed or Mixed()) if mixes else None)
        if not self.threads:
            raise ExperimentError("No thread count was chosen.", "Choose at least one.")
        object.__setattr__(self, "threads", tuple(sorted(set(self.threads))))
        for count in self.threads:
            check_count("A thread count", count, THREADS)
        for name, size in (("training", self.training_size), ("evaluation", self.evaluation_size)):
            if size is not None:
                check_count(f"The {name} size", size, SAMPLE_SIZES)
        if self.image_size is not None:
            check_count("The image size", self.image_size, IMAGE_SIZES)
        check_count(
            "The number of timed invocations", self.benchmark_invocations, BENCHMARK_INVOCATIONS
        )
        check_count("The seed", self.seed, (0, 2**31 - 1))
        check_count("The sitting", self.sitting, SITTINGS)
        if self.common_seed is not None:
            check_count("The common seed", self.common_seed, (0, 2**31 - 1))
        if self.files_of not in (None, REFERENCE):
            validate_run_id(self.files_of)
        if self.layers:
            self.require_own_files("Looking into the layers")

    @property
    def trains(self) -> bool:
        """Whether a chosen variant is to be fine-tuned."""
        return not self.files_of and any(get_variant(name).trained for name in self.variants)

    @property
    def calibrates(self) -> bool:
        """Whether a chosen variant is to be made with calibration photos."""
        needed = (get_variant(name).needs_calibration for name in self.variants)
        return not self.files_of and any(needed)

    def require_own_files(self, what: str) -> None:
        """Refuses what only the run that made the files can do.

        Args:
            what: Beginning of the sentence that says so.

        Raises:
            ExperimentError: If the files are another run's.
        """
        if self.files_of:
            raise ExperimentError(
                f"{what} needs the run that made the files: {self.files_of}.",
                f"Choose {self.files_of} in place of the run that measured its files.",
            )

    def to_dict(self) -> dict[str, Any]:
        """Returns the experiment as plain JSON values."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        # What was not asked for is left out: older experiments keep their fingerprint.
        return {k: v for k, v in plain.items() if k not in _OPTIONAL or v != _OPTIONAL[k]}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Experiment:
        """Rebuilds an experiment from :meth:`to_dict`.

        Args:
            plain: JSON values; a missing key takes its default.

        Returns:
            The validated experiment.

        Raises:
            ExperimentError: If a key is unknown or a value out of range.
        """
        values = known(cls, plain)
        if "calibration" in values:
            values["calibration"] = Calibration(**known(Calibration, values["calibration"]))
        if "qat" in values:
            values["qat"] = Qat(**known(Qat, values["qat"]))
        if values.get("layers") is not None:
            values["layers"] = Layers(**known(Layers, values["layers"]))
        if values.get("mixed") is not None:
            values["mixed"] = Mixed(**known(Mixed, values["mixed"]))
        for name, kind in (("variants", str), ("threads", int)):
            if name in values:
                given = values[name]
                if not isinstance(given, (list, tuple)) or not all(
                    isinstance(value, kind) for value in given
                ):
                    raise ExperimentError(f"{name} is {given!r}.", "Give a list.")
                values[name] = tuple(given)
        for name in ("model", "dataset"):
            if not isinstance(values.get(name, ""), str):
                raise ExperimentError(f"{name} is {values[name]!r}.", "Give its identifier.")
        return cls(**values)

    def canonical_json(self) -> str:
        """Returns the one JSON text equal experiments share (sorted keys, no spaces)."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    def fingerprint(self) -> str:
        """Returns the SHA-256 of :meth:`canonical_json`, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()
