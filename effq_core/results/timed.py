"""When each variant of a run was timed: latencies of different days compare less well."""

from __future__ import annotations

from dataclasses import dataclass

from effq_core import formatting as fmt
from effq_core.results.access import REPORT
from effq_core.settings import Home
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.rows import RunRow, StageState
from effq_core.variants import get_variant

KIND = "benchmark"
"""Kind of the stages that time a variant."""
SAME_SITTING = 3600.0
"""Seconds between two timings that still count as taken together."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """When a variant was timed.

    Attributes:
        title: The variant's name for people.
        when: Seconds since 1970; ``None`` where it is no longer known.
        earlier: Whether an earlier run did it, and this one used its numbers again.
    """

    title: str
    when: float | None
    earlier: bool


def timings_of(home: Home, database: Database, run: RunRow) -> tuple[Timed, ...]:
    """Finds when the variants of a run were timed.

    Args:
        home: The store.
        database: Its index.
        run: A run with results.

    Returns:
        One entry a variant, in the plan's order.

    Raises:
        StoreError: If the store cannot be read.
    """
    store = ArtifactStore(home)
    report = None if run.results is None else store.find(REPORT, run.results)
    found = []
    for stage in database.stages(run.id):
        if stage.kind != KIND:
            continue
        artifact = store.find(stage.kind, stage.fingerprint)
        # One that is younger than the report was measured again since: the report has others.
        known = artifact is not None and report is not None and artifact.created <= report.created
        when = artifact.created if artifact is not None and known else None
        found.append(
            Timed(
                title=get_variant(stage.name.partition(":")[2]).title,
                when=when,
                earlier=stage.state is StageState.REUSED if when is None else when < run.created,
            )
        )
    return tuple(found)


def mixed_text(timings: tuple[Timed, ...]) -> str:
    """Says that latencies were not taken together, and what to do.

    Args:
        timings: From :func:`timings_of`.

    Returns:
        Two sentences; empty where all were taken together.
    """
    old = [timed for timed in timings if timed.earlier]
    new = [timed for timed in timings if not timed.earlier]
    times = [timed.when for timed in timings if timed.when is not None]
    apart = len(times) > 1 and max(times) - min(times) > SAME_SITTING
    if old and new:
        what = (
            f"{_names(old)} {'was' if len(old) == 1 else 'were'} timed by an earlier run"
            f"{_when(old)}, {_names(new)} by this one{_when(new)}"
        )
    elif apart:
        what = f"The variants were timed between {_span(times)}"
    else:
        return ""
    return (
        f"{what}: if the machine was not equally busy both times, the speed-ups are off. "
        "“Take all latencies anew” on the page Results, or `effq run --remeasure` with the same "
        "choices, times all of them together."
    )


def _names(timings: list[Timed]) -> str:
    titles = [timed.title for timed in timings]
    if len(titles) == 1:
        return titles[0]
    return f"{', '.join(titles[:-1])} and {titles[-1]}"


def _when(timings: list[Timed]) -> str:
    times = [timed.when for timed in timings if timed.when is not None]
    return f" ({fmt.moment(min(times))})" if times else ""


def _span(times: list[float]) -> str:
    return f"{fmt.moment(min(times))} and {fmt.moment(max(times))}"
