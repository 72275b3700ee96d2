"""The experiment: the frozen choice of everything a run depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum

from effq_core.base import formatting as fmt
from effq_core.base.errors import ExperimentError
from effq_core.base.glossary import tip
from effq_core.base.run_ids import validate_run_id
from effq_core.experiment.mixed import Layers, Mixed
from effq_core.experiment.setting import Axis, Described, Use, setting, titles
from effq_core.experiment.variants import (
    BASELINE,
    MIXED,
    PTQ,
    STANDARD,
    Recipe,
    Variant,
    get_variant,
    in_catalogue_order,
)

CALIBRATION_SIZES = (10, 2000)
REFERENCE = "reference"
"""Names the bundled reference run where a run's id is expected."""
_SEEDS = (0, 2**31 - 1)
_SAMPLE_SIZES = (1, 10_000_000)
_PHOTOS, _VARIANTS = "Model and photos", "Variants"
_CALIBRATION, _TRAINING, _MEASUREMENT = "Calibration", "Fine-tuning", "Measurement"


class CalibrationMethod(StrEnum):
    """How calibration images become the range of an activation."""

    MIN_MAX = "min_max"
    """The smallest and largest value seen over all images (TensorFlow Lite's rule)."""
    MOVING_AVERAGE = "moving_average"
    """The mean over images of each image's smallest and largest value."""
    PERCENTILE = "percentile"
    """The range that holds a chosen share of all values; the rest is clipped."""


class QatLoss(StrEnum):
    """What fine-tuning minimises."""

    AUTO = "auto"
    """``labels`` where every training image has one, ``distill`` otherwise."""
    LABELS = "labels"
    """Cross-entropy against the photos' labels."""
    DISTILL = "distill"
    """Kullback-Leibler divergence from the float model's outputs; needs no labels."""


METHODS = titles(CalibrationMethod, "Min-max", "Moving average", "Percentile")
"""Returns the calibration methods there are, with their titles."""
LOSSES = titles(QatLoss, "Automatic", "Labels", "Distillation")
"""Returns the losses there are, with their titles."""


def _ranged(variant: Variant) -> bool:
    # QAT finds its ranges by a moving average, whatever the method.
    return variant.needs_calibration and variant.recipe is not Recipe.QAT


_CALIBRATED = Use(
    variant=lambda variant: variant.needs_calibration,
    why="no chosen variant is calibrated",
    remedy="Add int8",
)
_BY_METHOD = Use(
    variant=_ranged,
    why="no chosen variant takes its ranges from a calibration method",
    remedy="Add int8",
)
_CLIPPED = Use(
    variant=_ranged,
    part=lambda calibration: calibration.method == CalibrationMethod.PERCENTILE,
    why="only int8 with the calibration method percentile uses it",
    remedy="Choose that method",
)
_TRAINED = Use(
    variant=lambda variant: variant.trained,
    why="no chosen variant is fine-tuned",
    remedy="Add int8_qat",
)
_SAMPLED = Use(
    variant=lambda variant: variant.trained,
    why="no chosen variant is fine-tuned and the model keeps its head",
    remedy="Add int8_qat",
)


@dataclass(frozen=True, kw_only=True)
class Calibration(Described):
    """How the representative dataset sets activation ranges."""

    size: int = setting(
        500,
        noun="calibration size",
        title="Calibration photos",
        help=tip("calibration_size"),
        bounds=CALIBRATION_SIZES,
        slider=True,
        step=10,
        option="--calibration-size",
        panel=_CALIBRATION,
        key="calibration_size",
        use=_CALIBRATED,
        axis=Axis(
            name="calibration_sizes",
            title="calibration sizes",
            words=lambda size: fmt.counted(size, "photo"),
            values=(10, 20, 50, 100, 200, 500, 1000, 2000),
        ),
    )
    # The one that measured best on both bundled models: see docs/results.md.
    method: CalibrationMethod = setting(
        CalibrationMethod.PERCENTILE,
        noun="calibration method",
        title="Calibration method",
        help=tip("calibration_method"),
        choices=METHODS,
        option="--calibration-method",
        panel=_CALIBRATION,
        key="calibration_method",
        use=_BY_METHOD,
        axis=Axis(
            name="methods",
            title="calibration methods",
            words=lambda method: METHODS()[method].lower(),
            option="--method",
        ),
    )
    percentile: float = setting(
        99.99,
        noun="calibration percentile",
        title="Percentile",
        help=tip("percentile"),
        unit="%",
        bounds=(90.0, 100.0),
        step=0.01,
        digits=3,
        option="--percentile",
        panel=_CALIBRATION,
        use=_CLIPPED,
    )


@dataclass(frozen=True, kw_only=True)
class Qat(Described):
    """Settings of quantization-aware training; the defaults are the paper's."""

    epochs: int = setting(
        5,
        noun="number of QAT epochs",
        title="QAT epochs",
        help=tip("epochs"),
        bounds=(1, 100),
        option="--epochs",
        panel=_TRAINING,
        use=_TRAINED,
        axis=Axis(
            name="epochs",
            title="numbers of epochs",
            words=lambda epochs: fmt.counted(epochs, "epoch"),
            values=(1, 2, 3, 5, 10, 20),
        ),
    )
    learning_rate: float = setting(
        1e-5,
        noun="QAT learning rate",
        title="Learning rate",
        help=tip("learning_rate"),
        bounds=(1e-8, 1e-1),
        suggested=(1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3),
        write=fmt.rate_text,
        option="--learning-rate",
        panel=_TRAINING,
        use=_TRAINED,
        axis=Axis(
            name="learning_rates",
            title="learning rates",
            words=lambda rate: f"learning rate {fmt.rate_text(rate)}",
        ),
    )
    batch_size: int = setting(
        32,
        noun="QAT batch size",
        title="Batch size",
        help=tip("batch_size"),
        bounds=(1, 256),
        suggested=(8, 16, 32, 64),
        option="--batch-size",
        panel=_TRAINING,
        use=_TRAINED,
    )
    loss: QatLoss = setting(
        QatLoss.AUTO,
        noun="loss",
        title="Loss",
        help=tip("loss"),
        choices=LOSSES,
        option="--loss",
        panel=_TRAINING,
        use=_TRAINED,
        axis=Axis(
            name="losses",
            title="losses",
            words=lambda loss: f"loss {LOSSES()[loss].lower()}",
        ),
    )
    validation_share: float = setting(
        0.1,
        noun="QAT validation share",
        title="Share held out",
        help="Share of the training photos held out to choose the best epoch.",
        bounds=(0.01, 0.5),
        step=0.05,
        digits=2,
        option="--validation-share",
        panel=_TRAINING,
        use=_TRAINED,
    )


@dataclass(frozen=True, kw_only=True)
class Experiment(Described):
    """Everything a run depends on. Two equal experiments give the same artifacts."""

    model: str = setting(
        "efficientnetv2_b0_imagenette",
        noun="model",
        help="A model of `effq models`.",
        option="--model",
        panel=_PHOTOS,
    )
    dataset: str = setting(
        "photo_patches",
        noun="dataset",
        help="photo_patches (built in), imagenette (`effq datasets download imagenette`), "
        "photos:NAME, or a folder of photos.",
        option="--data",
        panel=_PHOTOS,
    )
    # float32 is always among them, because every other number is a difference to it.
    variants: tuple[str, ...] = setting(
        STANDARD,
        noun="variant",
        help="Variants to make: names, standard, controls or all. float32 is always among them.",
        option="--variant",
        panel=_VARIANTS,
    )
    calibration: Calibration = setting(Calibration(), noun="calibration")
    qat: Qat = setting(Qat(), noun="fine-tuning")  # also of the float control
    training_size: int | None = setting(
        None,
        noun="training size",
        title="Training photos",
        help=tip("training_size"),
        bounds=_SAMPLE_SIZES,
        nothing="all that remain",
        all=True,
        option="--training-size",
        panel=_TRAINING,
        use=_SAMPLED,
    )
    evaluation_size: int | None = setting(
        None,
        noun="evaluation size",
        title="Evaluation photos",
        help=tip("evaluation_size"),
        bounds=_SAMPLE_SIZES,
        nothing="all there are",
        all=True,
        option="--evaluation-size",
        panel=_MEASUREMENT,
    )
    image_size: int | None = setting(
        None,
        noun="image size",
        title="Input size",
        help=tip("image_size"),
        unit="pixels",
        bounds=(32, 600),
        suggested=(64, 96, 128, 160, 192, 224, 240, 260, 300),
        nothing="the model's own",
        option="--image-size",
        panel=_MEASUREMENT,
    )
    threads: tuple[int, ...] = setting(
        (1, 2),
        noun="thread count",
        title="Threads",
        help=tip("threads"),
        bounds=(1, 64),
        option="--threads",
        panel=_MEASUREMENT,
    )
    benchmark_invocations: int = setting(
        100,
        noun="number of timed invocations",
        title="Timed invocations",
        help="Timed invocations of each file at each thread count, with nothing else on the cores.",
        bounds=(100, 10_000),
        step=100,
        option="--invocations",
        panel=_MEASUREMENT,
    )
    seed: int = setting(
        42,
        noun="seed",
        title="Seed",
        help=tip("seed"),
        bounds=_SEEDS,
        option="--seed",
        panel=_MEASUREMENT,
        axis=Axis(
            name="seeds",
            title="seeds",
            words=lambda seed: f"seed {seed}",
            values=(1, 2, 3, 5, 8),
            help="Each draws other photos to calibrate and train with, so that chance can be told "
            "from a difference. The photos measured on stay the same.",
        ),
    )
    # Of what the runs of a sweep have in common, whatever their seed: the evaluation sample, and
    # the photos a new head is trained on. None: all is drawn by the seed.
    common_seed: int | None = setting(None, noun="common seed", bounds=_SEEDS, omitted=True)
    layers: Layers | None = setting(
        None,
        noun="look into the layers",
        help="Measure which blocks and layers lose accuracy in int8; `effq layers RUN` shows it.",
        option="--layers",
        panel="Layers",
        omitted=True,
    )
    # None unless int8_mixed is among the variants.
    mixed: Mixed | None = setting(None, noun="mixed precision", omitted=True)
    # Which time the latencies are taken, from 0: a later sitting keeps all but them.
    sitting: int = setting(0, noun="sitting", bounds=(0, 100_000), omitted=True)
    # A run whose files are measured on the dataset as they are, or the reference; nothing is made
    # then. None: the files are made from the dataset.
    files_of: str | None = setting(None, noun="run whose files are measured", omitted=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        mixes = MIXED in self.variants
        # Both look at what int8 does to this very model.
        needed = (BASELINE, PTQ) if self.layers or mixes else (BASELINE,)
        object.__setattr__(self, "variants", in_catalogue_order((*self.variants, *needed)))
        object.__setattr__(self, "mixed", (self.mixed or Mixed()) if mixes else None)
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

    def canonical_json(self) -> str:
        """Returns the one JSON text equal experiments share (sorted keys, no spaces)."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    def fingerprint(self) -> str:
        """Returns the SHA-256 of :meth:`canonical_json`, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()
