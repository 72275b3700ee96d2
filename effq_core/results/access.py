"""From a run's name to its results."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from effq_core.base.errors import InputError, StoreError
from effq_core.base.settings import Home
from effq_core.experiment import REFERENCE, Experiment
from effq_core.experiment.variants import BASELINE, PTQ, is_ready
from effq_core.results.document import REFERENCE_FOLDER, Results
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.manifest import Artifact
from effq_core.store.rows import RunRow, Status

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_ADDRESS = re.compile(rf"([a-z][a-z0-9_-]*)/({_FINGERPRINT.pattern})")

REPORT = "report"  # kind of the stage whose artifact holds the results
RESULTS_FILE = "results.json"
LATEST = "latest"  # names the newest run, or the newest with results where they are needed


def load_results(home: Home, run: RunRow) -> Results:
    """Reads a run's results; InputError if it has none (yet), StoreError if they are damaged."""
    if run.results is None:
        raise InputError(f"The run {run.id} has no results: it is {run.status}.", _next_step(run))
    store = ArtifactStore(home)
    artifact = store.find(REPORT, run.results)
    if artifact is None:
        found = " ".join(store.take_warnings())
        hint = f"`effq resume {run.id}` makes what is missing again."
        raise StoreError(f"The results of the run {run.id} are gone. {found}".strip(), hint)
    return Results.from_dict(_read(artifact.path / RESULTS_FILE), home.artifacts)


def load_reference() -> Results:
    """Reads the bundled reference run."""
    path = REFERENCE_FOLDER / RESULTS_FILE
    if not path.is_file():
        message = "This installation has no reference run."
        raise InputError(message, "`effq run` makes results of your own.")
    return Results.from_dict(_read(path), REFERENCE_FOLDER)


def open_run(home: Home, text: str) -> tuple[str, Results]:
    """Finds a run with results by what the user calls it, ``reference`` included; and its id."""
    if text == REFERENCE:
        return REFERENCE, load_reference()
    with Database(home.database) as database:
        run = find_run(database, text, with_results=True)
    return run.id, load_results(home, run)


def find_run(database: Database, text: str, *, with_results: bool = False) -> RunRow:
    """Finds a run by its id, the start of one, its name or ``latest``; InputError if not one."""
    runs = database.list_runs()
    if text == LATEST:
        fitting = [run for run in runs if not with_results or run.results is not None][:1]
        if not fitting:
            what = "run with results" if with_results else "run"
            raise InputError(f"There is no {what} yet.", "`effq run` makes one.")
        return fitting[0]
    return the_one(runs, text, "run", "`effq runs` lists all runs.")


def the_one(runs: Sequence[RunRow], text: str, what: str, hint: str) -> RunRow:
    """Finds the one run that has this id, else this name, else an id that begins so."""
    fitting = (
        [run for run in runs if text == run.id]
        or [run for run in runs if text and text == run.name]
        or [run for run in runs if text and run.id.startswith(text)]
    )
    if not fitting:
        raise InputError(f"There is no {what} {text!r}.", hint)
    if len(fitting) > 1:
        some = ", ".join(run.id for run in fitting[:5])
        raise InputError(f"{text!r} can mean {len(fitting)} {what}s: {some}.", "Give the whole id.")
    return fitting[0]


def _next_step(run: RunRow) -> str:
    if run.status in (Status.QUEUED, Status.RUNNING, Status.CANCELLING):
        return f"Wait for it; `effq show {run.id}` shows its progress."
    return f"`effq resume {run.id}` continues where it stopped."


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        hint = "`effq doctor --repair` sets damaged entries aside; then run the experiment again."
        raise StoreError(f"The results in {path} cannot be read ({error}).", hint) from error
    if not isinstance(value, dict):
        raise StoreError(f"{path} does not hold results.", "Run the experiment again.")
    return value


def of_kind(store: ArtifactStore, kind: str) -> list[Artifact]:
    """Returns the sound artifacts of a kind, by their names."""
    names = [path.name for path in sorted((store.root / kind).glob("*"))]
    found = (store.find(kind, name) for name in names if _FINGERPRINT.fullmatch(name))
    return [artifact for artifact in found if artifact is not None]


def sources(artifact: Artifact | None) -> dict[str, str]:
    """Returns the addresses, ``<kind>/<fingerprint>``, of what an artifact was made from."""
    inputs = artifact.inputs.get("inputs", {}) if artifact else {}
    return {name: f"{each['stage']}/{each['fingerprint']}" for name, each in inputs.items()}


def artifact_at(store: ArtifactStore, address: str) -> Artifact | None:
    """Returns the artifact at an address, if it is there."""
    place = _ADDRESS.fullmatch(address)
    return store.find(*place.groups()) if place else None


def statistics_of(store: ArtifactStore, results: Results) -> str | None:
    """Returns the address of the statistics int8 was made from; StoreError if it has none."""
    if PTQ not in results.variants:
        return None
    address = results.variants[PTQ].artifact
    if not _ADDRESS.fullmatch(address):
        message = f"{address!r} is not the name of an artifact."
        raise StoreError(message, "The results were changed by hand; run the experiment again.")
    return sources(artifact_at(store, address)).get("statistics")


def measurable(results: Results) -> tuple[str, ...]:
    """Returns the variants of a run that can be measured again: those there are files of."""
    return tuple(n for n in results.variants if n in results.with_files or is_ready(n))


def on_photos(
    results: Results,
    run: str,
    dataset: str,
    *,
    variants: Sequence[str] | None = None,
    evaluation_size: int | None = None,
) -> Experiment:
    """Asks for files of a run to be measured on other photos; InputError if a variant has none."""
    there = measurable(results)
    missing = [name for name in variants or () if name not in there and name != BASELINE]
    if missing or not there:
        raise InputError(
            f"The run has no file of {', '.join(missing) or 'any variant'}.",
            f"Choose from: {', '.join(there)}." if there else "Run it again, then measure it.",
        )
    return replace(
        results.experiment,
        dataset=dataset,
        variants=tuple(variants or there),
        layers=None,
        evaluation_size=evaluation_size,
        # The files of a run that measured another's are that one's.
        files_of=results.experiment.files_of or run,
    )
