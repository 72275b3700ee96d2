"""Accuracy against one choice of the experiment, over several runs that share all others."""

from collections.abc import Hashable, Mapping, Sequence

from effq_core.experiment.variants import get_variant
from effq_core.measure.seeds import paired_means, repeated
from effq_core.results.document import Results, VariantResult
from effq_core.sweeps import points
from effq_core.sweeps.points import Along, Cell, Measure, Point, Series


def sweep(
    runs: Sequence[tuple[str, Results]], along: Along, measure: Measure = Measure.QUALITY
) -> tuple[Series, ...]:
    """Collects what runs say about one choice, float32 first; a series differs in nothing else."""
    groups: dict[tuple[str, Hashable], dict[float, dict[int, Cell]]] = {}
    for title, results in runs:
        for variant in results.variants.values():
            x = _position(results, variant, along)
            if x is None or _point(x, title, variant, measure) is None:
                continue
            # What a variant starts from is epoch 0 of the same line.
            start = along is Along.QAT_EPOCHS and get_variant(variant.name).start_of
            name = start or variant.name
            key = name, points.rest_of(results, name, along)
            cell = Cell(title=title, results=results, variant=variant)
            groups.setdefault(key, {}).setdefault(x, {})[results.experiment.seed] = cell
    parts = {key: points.parts_of(places, key[0], along) for key, places in groups.items()}
    return tuple(
        Series(
            variant=k[0],
            label=points.label_of(k[0], parts[k], [parts[o] for o in parts if o[0] == k[0]]),
            points=tuple(_mean(x, p[x], measure) for x in sorted(p)),
            cells=tuple(p[x] for x in sorted(p)),
        )
        for k, p in groups.items()
    )


def _mean(x: float, cells: Mapping[int, Cell], measure: Measure) -> Point:
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
        before = [
            points.right_answers(cells[seed].results, first.results.baseline.name) for seed in seeds
        ]
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


def baselines(
    runs: Sequence[tuple[str, Results]], measure: Measure = Measure.QUALITY
) -> tuple[Point, ...]:
    """Returns a point, its x without meaning, a distinct float model and evaluation sample."""
    found: dict[Hashable, Point] = {}
    for title, results in runs:
        point = _point(0, title, results.baseline, measure)
        if point is not None:
            found.setdefault(points.common(results), point)
    return tuple(found.values())


def _position(results: Results, variant: VariantResult, along: Along) -> float | None:
    entry = get_variant(variant.name)
    if along is Along.CALIBRATION_SIZE:
        return results.experiment.calibration.size if entry.needs_calibration else None
    if along is Along.LEARNING_RATE:
        return results.experiment.qat.learning_rate if entry.trained else None
    if entry.start_of:
        return 0
    return results.experiment.qat.epochs if entry.trained else None


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
