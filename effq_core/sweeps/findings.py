"""A sweep's finished runs, and what they come to in plain words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError
from effq_core.base.intervals import SIGNIFICANCE
from effq_core.base.settings import Home
from effq_core.measure.seeds import PairedMeans, holm, paired_means
from effq_core.measure.statistics import MARGIN_POINTS
from effq_core.results.access import load_results
from effq_core.results.document import Results
from effq_core.store.database import Database
from effq_core.sweeps.points import Along, Series, x_text
from effq_core.sweeps.results import sweep
from effq_core.sweeps.state import SweepState
from effq_core.sweeps.sweep import Sweep

HOW = (
    "Every two settings are compared on the same photos and seeds by an exact paired sign-flip "
    "test (McNemar's with one seed). A photo counts by the mean over its seeds. p is corrected for "
    "all these comparisons together (Holm); significant means p < 0.05. The test covers chance in "
    "the photos; the least and greatest value show what another seed does."
)


@dataclass(frozen=True)
class _Pair:
    first: str
    second: str
    low_x: float
    result: PairedMeans
    p: float = 1.0  # corrected for the number of comparisons


def findings(series: Sequence[Series], along: Along, quality: str = "top-1") -> tuple[str, ...]:
    """Says what the values of a choice do, and from where on they do nothing."""
    within = [pair for entry in series for pair in _pairs_within(entry, along)]
    across = [
        pair
        for first, second in combinations(series, 2)
        if first.variant == second.variant
        for pair in _pairs_across(first, second, along)
    ]
    # Corrected together: whoever reads all sentences looks at all of these comparisons.
    tested = _corrected([*within, *across])
    within, across = tested[: len(within)], tested[len(within) :]
    several = len({entry.label for entry in series if len(entry.points) > 1}) > 1
    found = [*_along(within, along, quality, several=several), *_between(across, quality)]
    spread = _spread(series, along, quality)
    return tuple([*found, spread] if spread else found)


def _corrected(pairs: Sequence[_Pair]) -> list[_Pair]:
    ps = holm([pair.result.p for pair in pairs])
    return [replace(pair, p=p) for pair, p in zip(pairs, ps, strict=True)]


def _along(pairs: Sequence[_Pair], along: Along, quality: str, *, several: bool) -> list[str]:
    if not pairs:
        return []
    found, calm = [], None
    for start in sorted({pair.low_x for pair in pairs}):
        rest = [pair for pair in pairs if pair.low_x >= start]
        if not _real(rest):
            calm = start, rest
            break
    if calm is None:
        last = max(pair.low_x for pair in pairs)
        worst = _real([pair for pair in pairs if pair.low_x >= last])[0]
        found.append(f"More still matters: {_difference(worst, quality)}.")
    else:
        start, rest = calm
        where = _where(start, along, is_all=start == min(pair.low_x for pair in pairs))
        whose = " of any line" if several else ""
        found.append(
            f"{where}, {quality}{whose} changes only as much as is consistent with chance: "
            f"{_largest(rest)}{_reservation(rest)}."
        )
        before = _real([pair for pair in pairs if pair.low_x < start])
        if before:
            found.append(f"Before that it matters: {_difference(before[0], quality)}.")
    return found


def _between(pairs: Sequence[_Pair], quality: str) -> list[str]:
    if not pairs:
        return []
    real = _real(pairs)
    if real:
        more = f" (and {len(real) - 1} more such pairs)" if len(real) > 1 else ""
        return [f"The lines differ: {_difference(real[0], quality)}{more}."]
    return [
        f"No two lines differ significantly at the same setting: {_largest(pairs)}"
        f"{_reservation(pairs)}."
    ]


def _pairs_within(entry: Series, along: Along) -> list[_Pair]:
    title = entry.label
    return [
        pair
        for a, b in combinations(range(len(entry.cells)), 2)
        if (pair := _pair(
            entry, a, entry, b,
            f"{title} at {_setting(entry, a, along)}", _setting(entry, b, along),
        ))
    ]  # fmt: skip


def _pairs_across(first: Series, second: Series, along: Along) -> list[_Pair]:
    places = {point.x: place for place, point in enumerate(second.points)}
    found = []
    for a, point in enumerate(first.points):
        b = places.get(point.x)
        if b is not None and b < len(second.cells) and a < len(first.cells):
            at = _setting(first, a, along)
            pair = _pair(first, a, second, b, f"at {at} {first.label}", second.label)
            if pair:
                found.append(pair)
    return found


def _pair(first: Series, a: int, second: Series, b: int, name: str, other: str) -> _Pair | None:
    before, after = first.cells[a], second.cells[b]
    seeds = sorted(set(before) & set(after))
    if not seeds:
        return None
    left, right = ([cells[seed].right() for seed in seeds] for cells in (before, after))
    if {len(row) for row in left} != {len(row) for row in right}:
        return None
    return _Pair(name, other, min(first.points[a].x, second.points[b].x), paired_means(left, right))


def _real(pairs: Sequence[_Pair]) -> list[_Pair]:
    real = [pair for pair in pairs if pair.p < SIGNIFICANCE]
    return sorted(real, key=lambda pair: -abs(pair.result.difference))


def _difference(pair: _Pair, quality: str) -> str:
    result = pair.result
    points = fmt.points(100 * result.difference)
    interval = fmt.points_interval(100 * result.low, 100 * result.high)
    return (
        f"{pair.first} → {pair.second}: {points} of {quality} (95 % interval {interval}, "
        f"corrected {fmt.p_value(pair.p)}, {_basis(result)})"
    )


def _largest(pairs: Sequence[_Pair]) -> str:
    result = max((pair.result for pair in pairs), key=lambda found: abs(found.difference))
    if result.difference == 0:
        return f"there is no difference ({_basis(result)})"
    points = fmt.points(100 * abs(result.difference)).removeprefix("+")
    ends = sorted((abs(result.low), abs(result.high)))
    return (
        f"the largest difference is {points} (95 % interval up to "
        f"{fmt.points(100 * ends[1]).removeprefix('+')}, {_basis(result)})"
    )


def _basis(result: PairedMeans) -> str:
    seeds = f", {fmt.counted(result.seeds, 'seed')}"
    return f"n = {fmt.count(result.n)}{seeds}"


def _reservation(pairs: Sequence[_Pair]) -> str:
    reach = max(max(abs(pair.result.low), abs(pair.result.high)) for pair in pairs)
    if 100 * reach <= MARGIN_POINTS:
        return ""
    return f"; so few photos cannot exclude one of {MARGIN_POINTS:.0f} point"


def _where(start: float, along: Along, *, is_all: bool) -> str:
    nouns: dict[Along, Callable[[str], str]] = {
        Along.CALIBRATION_SIZE: lambda x: f"{x} calibration photos",
        Along.QAT_EPOCHS: lambda x: f"epoch {x}",
        Along.LEARNING_RATE: lambda x: f"a learning rate of {x}",
    }
    text = nouns[along](x_text(start, along))
    return f"From {text} on" + (", the least tried" if is_all else "")


def _setting(entry: Series, place: int, along: Along) -> str:
    x = entry.points[place].x
    if along is Along.CALIBRATION_SIZE:
        return fmt.counted(int(x), "photo")
    if along is Along.QAT_EPOCHS:
        return fmt.counted(int(x), "epoch")
    return f"learning rate {x_text(x, along)}"


def _spread(series: Sequence[Series], along: Along, quality: str) -> str:
    several = [
        (p.most - p.least, e, i) for e in series for i, p in enumerate(e.points) if len(p.seeds) > 1
    ]
    if not several:
        return ""
    widest, entry, place = max(several, key=lambda each: each[0])
    seeds = len(entry.points[place].seeds)
    if widest == 0:
        return f"Seeds change nothing: all {seeds} give the same {quality} at every setting."
    return (
        f"Another seed at the same setting moves {quality} by up to "
        f"{fmt.points(widest).removeprefix('+')} ({entry.label} at "
        f"{_setting(entry, place, along)}, {seeds} seeds)."
    )


_ALONG = {
    "calibration_sizes": Along.CALIBRATION_SIZE,
    "epochs": Along.QAT_EPOCHS,
    "learning_rates": Along.LEARNING_RATE,
}


def alongs(choice: Sweep) -> tuple[Along, ...]:
    """Returns the axes with two values or more; calibration size where only other choices vary."""
    found = [along for axis, along in _ALONG.items() if axis in choice.varied]
    if not found:
        found = [Along.QAT_EPOCHS if "losses" in choice.varied else Along.CALIBRATION_SIZE]
    return tuple(found)


def results_of(
    home: Home, database: Database, state: SweepState
) -> tuple[tuple[str, Results], ...]:
    """Reads label and results of a sweep's finished runs; those that are gone are left out."""
    members, found = state.sweep.members(), []
    for place in sorted(state.runs):
        try:
            run = database.get_run(state.runs[place])
            found.append((members[place].label, load_results(home, run)))
        except EffqError:
            continue  # deleted since; running the sweep again brings it back
    return tuple(found)


def sentences(home: Home, database: Database, state: SweepState) -> tuple[str, ...]:
    """Says what a sweep's finished runs come to; nothing, where too few are."""
    runs = results_of(home, database, state)
    if len(runs) < 2:
        return ()
    quality = "top-1" if runs[0][1].baseline.accuracy.top1 is not None else "agreement with float32"
    found: list[str] = []
    for along in alongs(state.sweep):
        varies = {name for name in state.sweep.base.variants if name != "float32"}
        series = [entry for entry in sweep(runs, along) if entry.variant in varies]
        found += [text for text in findings(series, along, quality) if text not in found]
    return tuple(found)
