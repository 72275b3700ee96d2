"""What a sweep has found as JSON and as CSV, to be taken away."""

from typing import Any

from effq_core.base.csv_table import csv_text
from effq_core.base.settings import Home
from effq_core.results import Row as CsvRow
from effq_core.store.database import Database
from effq_core.sweeps.findings import sentences
from effq_core.sweeps.outcome import Found, Row, outcome
from effq_core.sweeps.state import SweepState


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
