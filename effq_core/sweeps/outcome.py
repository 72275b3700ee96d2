"""What a sweep has found so far, run by run: also of runs that are not finished."""

from __future__ import annotations

from dataclasses import dataclass

from effq_core.errors import StoreError
from effq_core.measure.accuracy import AccuracyReport
from effq_core.measure.predictions import Predictions
from effq_core.measure.statistics import Comparison, compare
from effq_core.pipeline.stages.files import ACCURACY_FILE
from effq_core.settings import Home
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.files import read_json
from effq_core.sweeps.state import SweepState
from effq_core.variants import BASELINE, get_variant


@dataclass(frozen=True)
class Found:
    """How one variant of one run did.

    Attributes:
        variant: Its name.
        title: For people.
        accuracy: How often it is right.
        comparison: Against float32 on the same photos; ``None`` for float32 itself.
    """

    variant: str
    title: str
    accuracy: AccuracyReport
    comparison: Comparison | None


@dataclass(frozen=True)
class Row:
    """One run of a sweep.

    Attributes:
        place: From 0.
        label: What sets it apart.
        run: Its id once it is finished.
        problem: Why it failed; empty if it has not.
        found: Its variants that were evaluated so far.
    """

    place: int
    label: str
    run: str | None
    problem: str
    found: tuple[Found, ...]


def outcome(home: Home, state: SweepState) -> tuple[Row, ...]:
    """Reads what there is of every run, from the answers that are stored.

    Args:
        home: The store.
        state: The sweep.

    Returns:
        A row a run, in the sweep's order.
    """
    store, kept = ArtifactStore(home), dict[tuple[str, str], Comparison]()
    rows = []
    for place, member in enumerate(state.sweep.members()):
        made = state.evaluations[place] if place < len(state.evaluations) else {}
        found = [
            entry
            for variant, fingerprint in made.items()
            if (entry := _found(store, variant, fingerprint, made.get(BASELINE, ""), kept))
        ]
        rows.append(
            Row(
                place=place,
                label=member.label,
                run=state.runs.get(place),
                problem=state.failed.get(place, ("", ""))[0],
                found=tuple(found),
            )
        )
    return tuple(rows)


def _found(
    store: ArtifactStore,
    variant: str,
    fingerprint: str,
    baseline: str,
    kept: dict[tuple[str, str], Comparison],
) -> Found | None:
    if not store.exists("evaluate", fingerprint):
        return None
    path = store.path("evaluate", fingerprint)
    plain = read_json(path / ACCURACY_FILE)
    if plain is None:
        return None
    comparison = None
    if variant != BASELINE and baseline and store.exists("evaluate", baseline):
        key = (baseline, fingerprint)  # runs share variants that do not depend on what varies
        try:
            if key not in kept:
                before = Predictions.load(store.path("evaluate", baseline))
                kept[key] = compare(before, Predictions.load(path))
        except StoreError:
            return None
        comparison = kept[key]
    title = get_variant(variant).title
    return Found(variant, title, AccuracyReport.from_dict(plain), comparison)
