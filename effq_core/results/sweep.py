"""Accuracy against one choice of the experiment, over several runs that share all others.

Runs that differ in their seed but were measured on the same photos become one point: their mean.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from effq_core import formatting as fmt
from effq_core.measure.predictions import Bools, top1
from effq_core.measure.seeds import paired_means, repeated
from effq_core.results.document import Results, VariantResult
from effq_core.results.several import photos_of
from effq_core.sweeps.sweep import rate_text
from effq_core.variants import Recipe, get_variant

_UNTRAINED = "int8_qat_untrained"
_QAT = "int8_qat"


_FOLLOWS = (Recipe.PTQ, Recipe.MIXED)
"""Recipes whose ranges follow the calibration method."""

_Parts = tuple[tuple[Hashable, str], ...]


class Along(StrEnum):
    """The choice that varies."""

    CALIBRATION_SIZE = "calibration_size"
    QAT_EPOCHS = "qat_epochs"
    LEARNING_RATE = "learning_rate"


class Measure(StrEnum):
    """What is drawn against it."""

    QUALITY = "quality"
    """Top-1 with Wilson's interval, of the mean over seeds; without labels the agreement with
    float32."""
    DIFFERENCE = "difference"
    """Top-1 minus float32's on the same photos, with the paired interval."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """The value of one run, or the mean of runs that differ in their seed only.

    Attributes:
        x: Calibration photos, epochs or learning rate.
        y: Per cent, or percentage points.
        low: Lower end of its 95 % interval, over photos.
        high: Upper end.
        n: Evaluation photos.
        p: Against float32: of the exact McNemar test, with several seeds of the exact sign-flip
            test; ``None`` without labels and for float32.
        run: Title of the run, or how many.
        seeds: The runs' seeds.
        least: Smallest value of a seed.
        most: Largest.
    """

    x: float
    y: float
    low: float
    high: float
    n: int
    p: float | None
    run: str
    seeds: tuple[int, ...]
    least: float
    most: float


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One variant of one run, at its place in a series.

    Attributes:
        title: Of the run.
        results: Of the run.
        variant: The variant.
    """

    title: str
    results: Results
    variant: VariantResult

    @property
    def seed(self) -> int:
        """The run's seed."""
        return self.results.experiment.seed

    def right(self) -> Bools:
        """Returns which photos it gets right; without labels, on which it agrees with float32."""
        return _right(self.results, self.variant.name)


@dataclass(frozen=True, kw_only=True)
class Series:
    """Runs that differ in nothing but the choice that varies.

    Attributes:
        variant: The variant's name.
        label: Its title, with what sets this series apart from others of the variant.
        points: In the order of x.
        cells: What is behind each point: the runs, by seed.
    """

    variant: str
    label: str
    points: tuple[Point, ...]
    cells: tuple[Mapping[int, Cell], ...] = ()


def sweep(
    runs: Sequence[tuple[str, Results]], along: Along, measure: Measure = Measure.QUALITY
) -> tuple[Series, ...]:
    """Collects what runs say about one choice.

    Runs that differ in anything else that matters to a variant become series of their own.

    Args:
        runs: Title and results of each.
        along: The choice that varies.
        measure: What is drawn against it.

    Returns:
        The series with a value, float32's first; those of one point are kept: they say where a run
        stands beside the others.
    """
    groups: dict[tuple[str, Hashable], dict[float, dict[int, Cell]]] = {}
    for title, results in runs:
        for variant in results.variants.values():
            x = _position(results, variant, along)
            if x is None or _point(x, title, variant, measure) is None:
                continue
            # The untrained control is what QAT starts from: epoch 0 of the same line.
            start = along is Along.QAT_EPOCHS and variant.name == _UNTRAINED
            name = _QAT if start else variant.name
            key = name, _rest(results, name, along)
            cell = Cell(title=title, results=results, variant=variant)
            groups.setdefault(key, {}).setdefault(x, {})[results.experiment.seed] = cell
    parts = {key: _parts_of(places, key[0], along) for key, places in groups.items()}
    return tuple(
        Series(
            variant=key[0],
            label=_label(
                key[0], parts[key], [parts[other] for other in parts if other[0] == key[0]]
            ),
            points=tuple(_mean(x, places[x], measure) for x in sorted(places)),
            cells=tuple(places[x] for x in sorted(places)),
        )
        for key, places in groups.items()
    )


def _mean(x: float, cells: Mapping[int, Cell], measure: Measure) -> Point:
    """Makes one point of runs that differ in their seed."""
    first = next(iter(cells.values()))
    single = _point(x, first.title, first.variant, measure, first.seed)
    if single is None:  # sweep() has looked
        raise AssertionError(first.title)
    if len(cells) == 1:
        return single
    seeds = tuple(sorted(cells))
    right = [cells[seed].right() for seed in seeds]
    paired, p = None, None
    if first.variant.comparison is not None and first.variant.accuracy.top1 is not None:
        before = [_right(cells[seed].results, first.results.baseline.name) for seed in seeds]
        paired = paired_means(before, right)
        p = paired.p
    run = f"{len(seeds)} runs"
    if measure is Measure.DIFFERENCE and paired is not None:
        each = [_point(x, "", cells[seed].variant, measure) for seed in seeds]
        values = [point.y for point in each if point is not None]
        y, low, high = paired.difference, paired.low, paired.high
        return Point(
            x=x, y=100 * y, low=100 * low, high=100 * high, n=paired.n, p=p, run=run, seeds=seeds,
            least=min(values), most=max(values),
        )  # fmt: skip
    found = repeated(right)
    return Point(
        x=x, y=100 * found.mean, low=100 * found.low, high=100 * found.high, n=found.n, p=p,
        run=run, seeds=seeds, least=100 * found.least, most=100 * found.most,
    )  # fmt: skip


def _right(results: Results, variant: str) -> Bools:
    answers = results.predictions(variant)
    right = top1(answers)
    if right is None:
        right = answers.predicted == results.predictions(results.baseline.name).predicted
    return right


def baselines(
    runs: Sequence[tuple[str, Results]], measure: Measure = Measure.QUALITY
) -> tuple[Point, ...]:
    """Returns float32's value in runs that do not share it, once each.

    Args:
        runs: Title and results of each.
        measure: What is drawn.

    Returns:
        A point a distinct float model and evaluation sample; its x means nothing.
    """
    found: dict[Hashable, Point] = {}
    for title, results in runs:
        point = _point(0, title, results.baseline, measure)
        if point is not None:
            found.setdefault(_common(results), point)
    return tuple(found.values())


def _position(results: Results, variant: VariantResult, along: Along) -> float | None:
    entry = get_variant(variant.name)
    if along is Along.CALIBRATION_SIZE:
        return results.experiment.calibration.size if entry.needs_calibration else None
    if along is Along.LEARNING_RATE:
        return results.experiment.qat.learning_rate if entry.trained else None
    if variant.name == _UNTRAINED:
        return 0
    return results.experiment.qat.epochs if entry.trained else None


def _common(results: Results) -> Hashable:
    """Returns what must be the same for any two values to share an axis."""
    return (
        results.baseline.file.sha256,
        photos_of(results),
        results.model["image_size"],
    )


def _rest(results: Results, variant: str, along: Along) -> Hashable:
    """Returns everything a variant depends on but the choice that varies."""
    entry, experiment = get_variant(variant), results.experiment
    calibration, qat = experiment.calibration, experiment.qat
    # QAT's ranges start from a moving average whatever the method; PTQ's follow the method.
    method = (
        (calibration.method, calibration.percentile if calibration.method == "percentile" else 0)
        if entry.recipe in _FOLLOWS
        else ""
    )
    trained: Hashable = ""
    if entry.trained:
        trained = (qat.batch_size, qat.loss, _training(results))
        if along is not Along.QAT_EPOCHS:
            trained = (trained, qat.epochs)
        if along is not Along.LEARNING_RATE:
            trained = (trained, qat.learning_rate)
    size = 0 if along is Along.CALIBRATION_SIZE else calibration.size
    mixed = str(experiment.mixed) if entry.recipe is Recipe.MIXED else ""
    return _common(results), method, trained, size, mixed


def x_text(x: float, along: Along) -> str:
    """Writes a place on the axis."""
    return rate_text(x) if along is Along.LEARNING_RATE else fmt.count(x)


def _training(results: Results) -> int:
    sample = results.samples.get("training")
    return int(sample["count"]) if sample else 0


def _parts_of(places: Mapping[float, Mapping[int, Cell]], variant: str, along: Along) -> _Parts:
    """Returns what may set a series apart from others of the same variant: identity and words."""
    cells = [cell for at in places.values() for cell in at.values()]
    seeds = tuple(sorted({cell.seed for cell in cells}))
    words = f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"
    parts = list(_parts(cells[-1].results, variant, along))
    parts[_SEED] = (seeds, words)
    return tuple(parts)


def _parts(results: Results, variant: str, along: Along) -> _Parts:
    entry, experiment = get_variant(variant), results.experiment
    calibration, qat = experiment.calibration, experiment.qat
    sha, size = results.baseline.file.sha256, results.model["image_size"]
    method = calibration.method.replace("_", "-")
    if calibration.method == "percentile":
        method += f" {calibration.percentile:g} %"
    parts: list[tuple[Hashable, str]] = [
        (results.model["title"], str(results.model["title"])),
        (photos_of(results), str(results.dataset["title"])),
        (size, f"{size} px"),
        (experiment.seed, f"seed {experiment.seed}"),
        ((results.model["title"], sha), f"weights {sha[:4]}…"),
        (method, method) if entry.recipe in _FOLLOWS else ("", ""),
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


def _label(variant: str, own: _Parts, others: Sequence[_Parts]) -> str:
    """Names a series by its variant and by what not all series of the variant share."""
    places = [
        place
        for place, (identity, _) in enumerate(own)
        if any(other[place][0] != identity for other in others)
    ]
    if _MODEL in places:  # another model has other weights: no need to say so
        places = [place for place in places if place != _WEIGHTS]
    title = get_variant(variant).title
    return f"{title}: {', '.join(own[place][1] for place in places)}" if places else title


def _point(
    x: float, run: str, variant: VariantResult, measure: Measure, seed: int = 0
) -> Point | None:
    comparison = variant.comparison
    if measure is Measure.DIFFERENCE:
        if (
            comparison is None
            or comparison.difference_points is None
            or comparison.low_points is None
            or comparison.high_points is None
        ):
            return None
        y, low, high = comparison.difference_points, comparison.low_points, comparison.high_points
    else:
        share = variant.accuracy.top1
        if share is None:
            if comparison is None:
                return None
            share = comparison.agreement
        y, low, high = 100 * share.share, 100 * share.low, 100 * share.high
    p = comparison.p if comparison else None
    n = variant.accuracy.n
    return Point(x=x, y=y, low=low, high=high, n=n, p=p, run=run, seeds=(seed,), least=y, most=y)


AXIS: dict[Along, str] = {
    Along.CALIBRATION_SIZE: "Calibration photos",
    Along.QAT_EPOCHS: "Epochs of fine-tuning (0: calibrated ranges, no training)",
    Along.LEARNING_RATE: "Learning rate of fine-tuning",
}
"""What the x axis shows."""
