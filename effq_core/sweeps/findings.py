"""A sweep's finished runs, and what they come to in plain words."""

from __future__ import annotations

from effq_core.base.errors import EffqError
from effq_core.base.settings import Home
from effq_core.results.access import load_results
from effq_core.results.document import Results
from effq_core.store.database import Database
from effq_core.sweeps.finding import findings
from effq_core.sweeps.results import Along, sweep
from effq_core.sweeps.state import SweepState
from effq_core.sweeps.sweep import Sweep

_ALONG = {
    "calibration_sizes": Along.CALIBRATION_SIZE,
    "epochs": Along.QAT_EPOCHS,
    "learning_rates": Along.LEARNING_RATE,
}


def alongs(choice: Sweep) -> tuple[Along, ...]:
    """Returns the axes with two values or more; calibration size where only other choices vary."""
    found = [along for axis, along in _ALONG.items() if axis in choice.varied]
    if not found:
        trains = "losses" in choice.varied
        found = [Along.QAT_EPOCHS if trains else Along.CALIBRATION_SIZE]
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
    labelled = runs[0][1].baseline.accuracy.top1 is not None
    quality = "top-1" if labelled else "agreement with float32"
    found: list[str] = []
    for along in alongs(state.sweep):
        varies = {name for name in state.sweep.base.variants if name != "float32"}
        series = [entry for entry in sweep(runs, along) if entry.variant in varies]
        found += [text for text in findings(series, along, quality) if text not in found]
    return tuple(found)
