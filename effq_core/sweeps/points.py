"""What a series of runs consists of, and what sets one apart from another."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from effq_core.base import formatting as fmt
from effq_core.base.formatting import rate_text
from effq_core.experiment import Experiment
from effq_core.experiment.setting import settings
from effq_core.experiment.variants import get_variant
from effq_core.measure.predictions import Bools, top1
from effq_core.results.document import Results, VariantResult
from effq_core.results.several import photos_of

Parts = tuple[tuple[Hashable, str], ...]


class Along(StrEnum):
    """The choice that varies."""

    CALIBRATION_SIZE = "calibration_size"
    QAT_EPOCHS = "qat_epochs"
    LEARNING_RATE = "learning_rate"


class Measure(StrEnum):
    """What is drawn against it."""

    QUALITY = "quality"  # top-1, Wilson's interval; without labels, agreement
    DIFFERENCE = "difference"  # top-1 minus float32's on the same photos, with the paired interval


@dataclass(frozen=True, kw_only=True)
class Point:
    """The value of one run, or the mean of runs that differ in their seed only."""

    x: float  # calibration photos, epochs or learning rate
    y: float  # per cent, or percentage points
    low: float
    high: float
    n: int
    # Against float32: exact McNemar test, of several seeds exact sign flips; ``None``: no labels.
    p: float | None
    run: str
    seeds: tuple[int, ...]
    least: float
    most: float


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One variant of one run, at its place in a series."""

    title: str
    results: Results
    variant: VariantResult

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.results.experiment.seed

    def right(self) -> Bools:
        """Returns which photos it gets right; without labels, on which it agrees with float32."""
        return right_answers(self.results, self.variant.name)


@dataclass(frozen=True, kw_only=True)
class Series:
    """Runs that differ in nothing but the choice that varies."""

    variant: str
    label: str  # its title, with what sets this series apart from others of the variant
    points: tuple[Point, ...]
    cells: tuple[Mapping[int, Cell], ...] = ()  # what is behind each point: the runs, by seed


AXIS: dict[Along, str] = {
    Along.CALIBRATION_SIZE: "Calibration photos",
    Along.QAT_EPOCHS: "Epochs of fine-tuning (0: calibrated ranges, no training)",
    Along.LEARNING_RATE: "Learning rate of fine-tuning",
}


def common(results: Results) -> Hashable:
    """Returns what must be the same for any two values of runs to share an axis."""
    return (results.baseline.file.sha256, photos_of(results), results.image_input)


def rest_of(results: Results, variant: str, along: Along) -> Hashable:
    """Returns everything a variant depends on but the choice that varies."""
    entry, experiment = get_variant(variant), results.experiment
    calibration, qat = experiment.calibration, experiment.qat
    method = calibration.method_text if entry.uses_method else ""
    trained: Hashable = ""
    if entry.trained:
        trained = (qat.batch_size, qat.loss, _training(results))
        if along is not Along.QAT_EPOCHS:
            trained = (trained, qat.epochs)
        if along is not Along.LEARNING_RATE:
            trained = (trained, qat.learning_rate)
    size = 0 if along is Along.CALIBRATION_SIZE else calibration.size
    parts = (part for part in settings(Experiment) if part.variant == variant)
    return common(results), method, trained, size, str([part.of(experiment) for part in parts])


def x_text(x: float, along: Along) -> str:
    """Writes a place on the axis."""
    return rate_text(x) if along is Along.LEARNING_RATE else fmt.count(x)


def _training(results: Results) -> int:
    sample = results.samples.get("training")
    return int(sample["count"]) if sample else 0


def parts_of(places: Mapping[float, Mapping[int, Cell]], variant: str, along: Along) -> Parts:
    """Returns what may set a series apart from others of the same variant: identity and words."""
    cells = [cell for at in places.values() for cell in at.values()]
    seeds = tuple(sorted({cell.seed for cell in cells}))
    words = f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
    parts = list(_parts(cells[-1].results, variant, along))
    parts[_SEED] = (seeds, words)
    return tuple(parts)


def _parts(results: Results, variant: str, along: Along) -> Parts:
    entry, experiment = get_variant(variant), results.experiment
    calibration, qat = experiment.calibration, experiment.qat
    sha, taken = results.baseline.file.sha256, results.image_input
    method = calibration.method_text
    parts: list[tuple[Hashable, str]] = [
        (results.model["title"], str(results.model["title"])),
        (photos_of(results), str(results.dataset["title"])),
        (taken, taken.short),
        (experiment.seed, f"seed {experiment.seed}"),
        ((results.model["title"], sha), f"weights {sha[:4]}…"),
        (method, method) if entry.uses_method else ("", ""),
    ]
    if along is not Along.CALIBRATION_SIZE:
        parts.append((calibration.size, fmt.counted(calibration.size, "calibration photo")))
    if entry.trained:
        images = _training(results)
        if along is not Along.LEARNING_RATE:
            parts.append((qat.learning_rate, f"learning rate {rate_text(qat.learning_rate)}"))
        parts += [
            (qat.batch_size, f"batch {qat.batch_size}"),
            (qat.loss, f"loss {qat.loss}"),
            (images, fmt.counted(images, "training photo")),
        ]
        if along is not Along.QAT_EPOCHS:
            parts.append((qat.epochs, fmt.counted(qat.epochs, "epoch")))
    return tuple(parts)


_MODEL, _SEED, _WEIGHTS = 0, 3, 4  # places among the parts


def label_of(variant: str, own: Parts, others: Sequence[Parts]) -> str:
    """Names a series by its variant and by what not all series of the variant share."""
    places = [place for place, (i, _) in enumerate(own) if any(o[place][0] != i for o in others)]
    if _MODEL in places:  # another model has other weights: no need to say so
        places = [place for place in places if place != _WEIGHTS]
    title = get_variant(variant).title
    return f"{title}: {', '.join(own[place][1] for place in places)}" if places else title


def right_answers(results: Results, variant: str) -> Bools:
    """Returns which photos a variant gets right; without labels, where it agrees with float32."""
    answers = results.predictions(variant)
    right = top1(answers)
    if right is None:
        right = answers.predicted == results.predictions(results.baseline.name).predicted
    return right
