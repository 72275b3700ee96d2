"""The dashboard's access to the store: opened once a process, results read once a run."""

from pathlib import Path

import streamlit as st

from effq_core.base.files import store_errors
from effq_core.base.settings import Home
from effq_core.results import RESULTS_FILE, Results, load_reference, load_results
from effq_core.results.access import REPORT
from effq_core.store.database import Database
from effq_core.store.rows import RunRow

RESULTS_IN_MEMORY = 24
_MOST_RUNS = 1000  # a page reads them at every click


def home() -> Home:
    """Returns the store the server works on (``EFFQ_HOME``)."""
    return Home.from_environment()


@st.cache_resource(show_spinner=False, max_entries=2)
def _database(path: str, device: int, inode: int) -> Database:
    return Database(Path(path))


def database() -> Database:
    """Returns the index; all sessions share one connection, until a repair replaces it."""
    path = home().database
    with store_errors(path):
        try:
            status = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            Database(path).close()  # makes it, or says why not
            status = path.stat()
    return _database(str(path), status.st_dev, status.st_ino)


def runs() -> list[RunRow]:
    """Returns the runs people choose from, newest first."""
    return database().list_runs(_MOST_RUNS)


def latest_stamp() -> str:
    """Tells one state of the latest runs from the next: what is cached may follow from them."""
    return "/".join(f"{run.id}{run.status}" for run in runs()[:5])


@st.cache_resource(show_spinner=False, max_entries=RESULTS_IN_MEMORY)
def _results(store: str, fingerprint: str, stamp: str, _run: RunRow) -> Results:
    return load_results(Home.from_environment(), _run)


def stamp_of(run: RunRow) -> str:
    """Tells results made again, with other timings, from the first ones; empty without any."""
    path = home().artifacts / REPORT / str(run.results) / RESULTS_FILE
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_mtime_ns}-{status.st_ino}"


def results_of(run: RunRow) -> Results:
    """Reads a run's results, once for all sessions: not to be changed."""
    if run.results is None:
        return load_results(home(), run)  # raises, and says why
    return _results(str(home().root), run.results, stamp_of(run), run)


@st.cache_resource(show_spinner=False, max_entries=1)
def reference() -> Results:
    """Reads the bundled reference run, once."""
    return load_reference()
