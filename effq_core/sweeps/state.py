"""What is kept of a sweep: a run with all its runs' stages, and a file with what it varies."""

from dataclasses import dataclass, field
from typing import Any

from effq_core.base.errors import EffqError, ExperimentError, InputError, StoreError
from effq_core.base.files import read_json, write_json
from effq_core.base.run_ids import validate_run_id
from effq_core.base.settings import Home
from effq_core.pipeline.control import enter
from effq_core.store.database import Database
from effq_core.store.rows import RunRow
from effq_core.sweeps.sweep import Sweep, label_of

KIND = "sweep"
SWEEP_FILE = f"{KIND}.json"
_FORMAT = 1


@dataclass(kw_only=True)
class SweepState:
    """A sweep and what has become of it."""

    id: str
    sweep: Sweep
    runs: dict[int, str] = field(default_factory=dict)
    # Why a member failed, as message and hint, by its place.
    failed: dict[int, tuple[str, str]] = field(default_factory=dict)
    # For each member, the fingerprint of each variant's answers; empty before it was planned.
    evaluations: list[dict[str, str]] = field(default_factory=list)


def create_sweep(home: Home, database: Database, sweep: Sweep, name: str = "") -> SweepState:
    """Adds a sweep, queued; its driver is :mod:`effq_core.sweeps.driver`."""
    run_id = enter(home, database, sweep.base, name or f"Sweep: {label_of(sweep)}")
    state = SweepState(id=run_id, sweep=sweep)
    try:
        save(home, state)
    except StoreError:
        database.delete_run(run_id)  # without its file it would be a run of the base experiment
        raise
    return state


def save(home: Home, state: SweepState) -> None:
    """Writes a sweep's file."""
    write_json(
        home.runs / state.id / SWEEP_FILE,
        {
            "format": _FORMAT,
            "fingerprint": state.sweep.fingerprint(),
            "sweep": state.sweep.to_dict(),
            "runs": state.runs,
            "failed": state.failed,
            "evaluations": state.evaluations,
        },
    )


def is_sweep(home: Home, run_id: str) -> bool:
    """Returns whether a run is a sweep's."""
    return (home.runs / validate_run_id(run_id) / SWEEP_FILE).is_file()


def read_sweep(home: Home, run_id: str) -> SweepState:
    """Reads a sweep."""
    path = home.runs / validate_run_id(run_id) / SWEEP_FILE
    if not path.is_file():
        raise InputError(f"There is no sweep {run_id}.", "`effq sweep list` lists all sweeps.")
    plain = read_json(path)
    try:
        return _state(run_id, plain)
    except (ExperimentError, KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"The sweep's file {path} is damaged ({error})."
        raise StoreError(message, "Start the same sweep again.") from error


def _state(run_id: str, plain: dict[str, Any] | None) -> SweepState:
    if plain is None:
        raise ValueError("not JSON")
    return SweepState(
        id=run_id,
        sweep=Sweep.from_dict(plain["sweep"]),
        runs={int(place): validate_run_id(run) for place, run in plain["runs"].items()},
        failed={int(place): (str(a), str(b)) for place, (a, b) in plain["failed"].items()},
        evaluations=[dict(each) for each in plain["evaluations"]],
    )


def list_sweeps(home: Home, database: Database) -> list[tuple[RunRow, SweepState]]:
    """Returns the sweeps there are, newest first; those whose file is damaged are left out."""
    found = []
    for run in _sweep_runs(home, database):
        try:
            found.append((run, read_sweep(home, run.id)))
        except EffqError:
            continue
    return found


def _sweep_runs(home: Home, database: Database) -> list[RunRow]:
    found = []
    for path in home.runs.glob(f"*/{SWEEP_FILE}"):
        try:
            found.append(database.get_run(path.parent.name))
        except InputError:
            continue  # the index knows no such run
    return sorted(found, key=lambda run: (run.created, run.id), reverse=True)


def find_same(home: Home, database: Database, sweep: Sweep) -> RunRow | None:
    """Looks for the newest run of the same sweep, so that asking again goes on with it."""
    wanted = sweep.fingerprint()
    for run in _sweep_runs(home, database):
        plain = read_json(home.runs / run.id / SWEEP_FILE)
        if plain is not None and plain.get("fingerprint") == wanted:
            return run
    return None


def member_runs(home: Home) -> set[str]:
    """Returns the ids of the runs that belong to a sweep, which stands for them in short lists."""
    found: set[str] = set()
    for path in home.runs.glob(f"*/{SWEEP_FILE}"):
        found.update((read_json(path) or {}).get("runs", {}).values())
    return found
