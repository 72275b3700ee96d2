"""The files each run keeps beside the index, so that the index can be rebuilt."""

import json
import logging
from dataclasses import replace
from pathlib import Path

from effq_core.base.errors import InputError, StoreError
from effq_core.base.files import make_folder, read_json, store_error, store_errors, write_json
from effq_core.base.run_ids import validate_run_id
from effq_core.store.rows import RunRow, StageRow, StageState, Status

RESERVE = "reserve"  # its file in a run's folder
BYTES = 1 << 20  # what the end of a run writes into the index


class Reserve:
    """Space set aside while a driver works on a run."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / RESERVE

    def take(self) -> None:
        """Sets the space aside, or raises StoreError if there is none, or it is not writable."""
        make_folder(self._file.parent)
        with store_errors(self._file):
            # Written, not only asked for: some file systems promise more than they have.
            self._file.write_bytes(bytes(BYTES))

    def give(self) -> None:
        """Gives it back; harmless where that has happened, and told to the log where it cannot."""
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s cannot be removed (%s).", self._file, error.strerror)


log = logging.getLogger(__name__)
RUN_FILE = "run.json"
STAGES_FILE = "stages.json"


def run_kind(folder: Path) -> str:
    """Returns ``run``, or the kind of a run that has a file named after it, as ``sweep.json``."""
    others = {path.name for path in folder.glob("*.json")} - {RUN_FILE, STAGES_FILE}
    return Path(min(others, default=RUN_FILE)).stem


def read_run_files(folder: Path) -> list[RunRow]:
    """Reads the files of all runs, active ones as ``interrupted``; unreadable ones are left out."""
    found = []
    for path in sorted(folder.glob(f"*/{RUN_FILE}")):
        plain = read_json(path) or {}
        try:
            run = RunRow(**{**plain, "status": Status(plain.get("status", ""))})
            if validate_run_id(run.id) != path.parent.name:
                continue
        except (TypeError, ValueError, InputError):
            continue
        if run.status.is_active:
            # Nothing works on it any more, as far as this file knows.
            run = replace(run, status=Status.INTERRUPTED, driver_pid=None, driver_started=None)
        found.append(run)
    return found


def write_stages(folder: Path, stages: list[StageRow]) -> None:
    """Keeps what a run's stages make beside the index, if the disk lets us: it is a second copy."""
    rows = sorted(stages, key=lambda row: row.position)
    told = ("name", "kind", "fingerprint")
    _write(folder, [{name: getattr(row, name) for name in told} for row in rows])


def _write(folder: Path, stages: list[dict[str, str]] | None) -> None:
    try:
        write_json(folder / STAGES_FILE, {"stages": stages})
    except StoreError as error:
        log.warning("The list of the run's stages is not kept: %s", error)


def read_stages(run: RunRow, folder: Path) -> list[StageRow] | None:
    """Reads what a run's stages make, in order; ``None``: lost, empty: no plan yet."""
    path = folder / STAGES_FILE
    # When and by whom they were made was in the index alone.
    state = StageState.REUSED if run.status is Status.FINISHED else StageState.PENDING
    try:
        return [
            StageRow(
                run_id=run.id,
                name=str(each["name"]),
                kind=str(each["kind"]),
                fingerprint=str(each["fingerprint"]),
                position=position,
                state=state,
            )
            for position, each in enumerate(json.loads(path.read_bytes())["stages"])
        ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise store_error(error, path) from error
    except (ValueError, KeyError, TypeError):
        return None


def stages_to_import(run: RunRow, folder: Path) -> list[StageRow]:
    """Reads the stages of a run the index has lost; none, and a note, where nobody knows them."""
    if run.status is not Status.FINISHED and not (folder / STAGES_FILE).exists():
        _write(folder, None)  # it was made before runs had such files, or had planned nothing
    try:
        return read_stages(run, folder) or []
    except StoreError as error:  # who frees space looks at the file once more
        log.warning("The stages of the run %s are not known: %s", run.id, error)
        return []
