"""Accuracy against one choice of the experiment, over several runs that share all others."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from effq_core import formatting as fmt
from effq_core.results.document import Results, VariantResult
from effq_core.results.several import photos_of
from effq_core.variants import Recipe, get_variant

_UNTRAINED = "int8_qat_untrained"
_QAT = "int8_qat"


_Parts = tuple[tuple[Hashable, str], ...]


class Along(StrEnum):
    """The choice that varies."""

    CALIBRATION_SIZE = "calibration_size"
    QAT_EPOCHS = "qat_epochs"


class Measure(StrEnum):
    """What is drawn against it."""

    QUALITY = "quality"
    """Top-1 with Wilson's interval; without labels the agreement with float32."""
    DIFFERENCE = "difference"
    """Top-1 minus float32's on the same photos, with the paired interval."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One run's value.

    Attributes:
        x: Calibration photos, or epochs.
        y: Per cent, or percentage points.
        low: Lower end of its 95 % interval.
        high: Upper end.
        n: Evaluation photos.
        p: Of the exact McNemar test against float32; ``None`` without labels and for float32.
        run: Title of the run.
    """

    x: float
    y: float
    low: float
    high: float
    n: int
    p: float | None
    run: str


@dataclass(frozen=True, kw_only=True)
class Series:
    """Runs that differ in nothing but the choice that varies.

    Attributes:
        variant: The variant's name.
        label: Its title, with what sets this series apart from others of the variant.
        points: In the order of x.
    """

    variant: str
    label: str
    points: tuple[Point, ...]


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
    groups: dict[tuple[str, Hashable], dict[float, Point]] = {}
    parts: dict[tuple[str, Hashable], _Parts] = {}
    for title, results in runs:
        for variant in results.variants.values():
            x = _position(results, variant, along)
            point = None if x is None else _point(x, title, variant, measure)
            if point is None:
                continue
            # The untrained control is what QAT starts from: epoch 0 of the same line.
            start = along is Along.QAT_EPOCHS and variant.name == _UNTRAINED
            name = _QAT if start else variant.name
            key = name, _rest(results, name, along)
            groups.setdefault(key, {})[point.x] = point
            parts[key] = _parts(results, name, along)
    return tuple(
        Series(
            variant=key[0],
            label=_label(
                key[0], parts[key], [parts[other] for other in parts if other[0] == key[0]]
            ),
            points=tuple(points[x] for x in sorted(points)),
        )
        for key, points in groups.items()
    )


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
    if variant.name == _UNTRAINED:
        return 0
    return results.experiment.qat.epochs if entry.trained else None


def _common(results: Results) -> Hashable:
    """Returns what must be the same for any two values to share an axis."""
    return (
        results.baseline.file.sha256,
        photos_of(results),
        results.model["image_size"],
        results.experiment.seed,
    )


def _rest(results: Results, variant: str, along: Along) -> Hashable:
    """Returns everything a variant depends on but the choice that varies."""
    entry, experiment = get_variant(variant), results.experiment
    calibration, qat = experiment.calibration, experiment.qat
    # QAT's ranges start from a moving average whatever the method; PTQ's follow the method.
    method = (
        (calibration.method, calibration.percentile if calibration.method == "percentile" else 0)
        if entry.recipe is Recipe.PTQ
        else ""
    )
    trained: Hashable = ""
    if entry.trained:
        trained = (qat.learning_rate, qat.batch_size, qat.loss, _training(results))
        if along is not Along.QAT_EPOCHS:
            trained = (trained, qat.epochs)
    size = 0 if along is Along.CALIBRATION_SIZE else calibration.size
    return _common(results), method, trained, size


def _training(results: Results) -> int:
    sample = results.samples.get("training")
    return int(sample["count"]) if sample else 0


def _parts(results: Results, variant: str, along: Along) -> _Parts:
    """Returns what may set a series apart from others of the same variant: identity and words."""
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
        (method, method) if entry.recipe is Recipe.PTQ else ("", ""),
    ]
    if along is not Along.CALIBRATION_SIZE:
        parts.append((calibration.size, fmt.counted(calibration.size, "calibration photo")))
    if entry.trained:
        images = _training(results)
        parts += [
            (qat.learning_rate, f"learning rate {qat.learning_rate:g}"),
            (qat.batch_size, f"batch {qat.batch_size}"),
            (qat.loss, f"loss {qat.loss}"),
            (images, fmt.counted(images, "training photo")),
        ]
        if along is not Along.QAT_EPOCHS:
            parts.append((qat.epochs, fmt.counted(qat.epochs, "epoch")))
    return tuple(parts)


_MODEL, _WEIGHTS = 0, 4  # places among the parts


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


def _point(x: float, run: str, variant: VariantResult, measure: Measure) -> Point | None:
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
    return Point(x=x, y=y, low=low, high=high, n=variant.accuracy.n, p=p, run=run)


AXIS: dict[Along, str] = {
    Along.CALIBRATION_SIZE: "Calibration photos",
    Along.QAT_EPOCHS: "Epochs of fine-tuning (0: calibrated ranges, no training)",
}
"""What the x axis shows."""
