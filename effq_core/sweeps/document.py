"""What a sweep has found as JSON and as CSV, to be taken away."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from effq_core.base.csv_table import csv_text
from effq_core.base.errors import StoreError
from effq_core.base.files import read_json
from effq_core.base.settings import Home
from effq_core.experiment.variants import BASELINE, get_variant
from effq_core.measure.accuracy import AccuracyReport
from effq_core.measure.predictions import Predictions
from effq_core.measure.statistics import Comparison, compare
from effq_core.results import Row as CsvRow
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.manifest import ACCURACY_FILE
from effq_core.sweeps.findings import sentences
from effq_core.sweeps.state import SweepState

_EVALUATE = "evaluate"


@dataclass(frozen=True)
class Found:
    """How one variant of one run did."""

    variant: str
    title: str
    accuracy: AccuracyReport
    comparison: Comparison | None


@dataclass(frozen=True)
class Row:
    """One run of a sweep."""

    place: int
    label: str
    run: str | None
    problem: str
    found: tuple[Found, ...]


def outcome(home: Home, state: SweepState) -> tuple[Row, ...]:
    """Reads what there is of every run, in the sweep's order, from the answers that are stored."""
    store = ArtifactStore(home)
    rows = []
    for place, member in enumerate(state.sweep.members()):
        made = state.evaluations[place] if place < len(state.evaluations) else {}
        found = [
            entry for v, f in made.items() if (entry := _found(store, v, f, made.get(BASELINE, "")))
        ]
        run = state.runs.get(place)
        problem = state.failed.get(place, ("", ""))[0]
        rows.append(
            Row(place=place, label=member.label, run=run, problem=problem, found=tuple(found))
        )
    return tuple(rows)


def _found(store: ArtifactStore, variant: str, fingerprint: str, baseline: str) -> Found | None:
    if not store.exists(_EVALUATE, fingerprint):
        return None
    path = store.path(_EVALUATE, fingerprint)
    try:
        accuracy = _accuracy(path)
        comparison = None
        if variant != BASELINE and baseline and store.exists(_EVALUATE, baseline):
            comparison = _comparison(store.path(_EVALUATE, baseline), path)
    except StoreError:
        return None  # damaged: the sweep makes it anew when it goes on
    return Found(variant, get_variant(variant).title, accuracy, comparison)


# Artifacts never change, and a page that follows a sweep asks for slow comparisons every second.
@lru_cache(maxsize=2048)
def _accuracy(path: Path) -> AccuracyReport:
    plain = read_json(path / ACCURACY_FILE)
    if plain is None:
        raise StoreError(f"{path} has no accuracy.", "`effq doctor --repair` removes it.")
    return AccuracyReport.from_dict(plain)


@lru_cache(maxsize=2048)
def _comparison(baseline: Path, path: Path) -> Comparison:
    return compare(_answers(baseline), Predictions.load(path))


@lru_cache(maxsize=1)  # float32's, with which all are compared
def _answers(path: Path) -> Predictions:
    return Predictions.load(path)


def to_json(home: Home, database: Database, state: SweepState) -> dict[str, Any]:
    """Writes down everything a sweep has found so far: what was asked, its runs and findings."""
    return {
        "sweep": state.sweep.to_dict(),
        "runs": [
            {
                "label": row.label,
                "run": row.run,
                "problem": row.problem,
                "variants": {
                    found.variant: {
                        "accuracy": found.accuracy.to_dict(),
                        "comparison": found.comparison.to_dict() if found.comparison else None,
                    }
                    for found in row.found
                },
            }
            for row in outcome(home, state)
        ],
        "findings": list(sentences(home, database, state)),
    }


def to_csv(rows: tuple[Row, ...]) -> str:
    """Writes a row a variant of each run: shares 0 to 1, 95 % intervals, percentage points."""
    return csv_text(_values(row, found) for row in rows for found in row.found)


def _values(row: Row, found: Found) -> CsvRow:
    top1, comparison = found.accuracy.top1, found.comparison
    return {
        "run": row.label,
        "id": row.run or "",
        "variant": found.variant,
        "n": found.accuracy.n,
        "top1": top1.share if top1 else "",
        "top1_low": top1.low if top1 else "",
        "top1_high": top1.high if top1 else "",
        "difference_points": comparison.difference_points if comparison else "",
        "difference_low": comparison.low_points if comparison else "",
        "difference_high": comparison.high_points if comparison else "",
        "worse": comparison.worse if comparison else "",
        "better": comparison.better if comparison else "",
        "p": comparison.p if comparison else "",
        "agreement": comparison.agreement.share if comparison else "",
    }
