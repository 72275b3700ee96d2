"""What every kind of detached work promises, asked of each alike: real processes, real kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from effq_core.base.errors import BusyError, InputError
from effq_core.base.settings import Home
from effq_core.care import fetches
from effq_core.care.library import remove_item
from effq_core.cli import job
from effq_core.experiment import Experiment
from effq_core.jobs import kinds
from effq_core.jobs.process import is_alive
from effq_core.pipeline import control, engine
from effq_core.pipeline.presets import demo
from effq_core.rescue import control as rescues
from effq_core.rescue.request import Remedy, Rescue
from effq_core.rescue.story import load
from effq_core.store.database import Database
from effq_core.sweeps.state import create_sweep
from effq_core.sweeps.sweep import Sweep
from tests.fetch_server import redirect, serving

TESTS = Path(__file__).parents[1]
LONG = "pipeline_stages:long_plan"
SLOW = "sweep_stages:plan"


@dataclass(frozen=True)
class Seen:
    """A job as everybody sees it."""

    status: str
    pid: int | None
    token: str | None
    about: Any

    @property
    def works(self) -> bool:
        return self.status == "running" and is_alive(self.pid, self.token)


@dataclass(frozen=True)
class Kind:
    """How a kind of job is dealt with."""

    look: Callable[[Home, str], Seen]
    enter: Callable[[Home], str]
    start: Callable[[Home, str], object]
    cancel: Callable[[Home, str], object]
    resume: Callable[[Home, str], object]
    remove: Callable[[Home, str], object]
    options: tuple[str, ...] = ()
    interrupted: str = "interrupted"
    most: tuple[object, str] | None = None
    """Where the number is that may go on at a time; a download is the only one of its item."""

    @property
    def waits(self) -> bool:
        """Whether a job can be asked for before anybody works on it, and signals cancel it."""
        return self.most is not None


def indexed(act: Callable[[Home, Database], Any]) -> Callable[[Home], Any]:
    def acted(home: Home) -> Any:
        database = Database(home.database)
        try:
            return act(home, database)
        finally:
            database.close()

    return acted


def see_run(home: Home, run_id: str) -> Seen:
    row = indexed(lambda _, database: database.get_run(run_id))(home)
    return Seen(str(row.status), row.driver_pid, row.driver_started, row)


def remove_run(home: Home, run_id: str) -> None:
    indexed(lambda _, database: database.delete_run(run_id))(home)


def see_rescue(home: Home, story_id: str) -> Seen:
    story = load(home, story_id)
    return Seen(str(story.status), story.pid, story.token, story)


def see_download(home: Home, item: str) -> Seen:
    found = fetches.fetch_of(home, item)
    if found is None:
        raise InputError(f"There is no download of {item}.")
    return Seen(str(found.state), found.pid, found.token, found)


def remove_download(home: Home, item: str) -> None:
    indexed(lambda _, database: remove_item(home, database, item))(home)


def run_of(plan: str, enter: Callable[[Home, Database], str]) -> Kind:
    return Kind(
        look=see_run,
        enter=indexed(enter),
        start=lambda home, run_id: control.start_detached(home, run_id, plan),
        cancel=control.request_cancel,
        resume=lambda home, run_id: control.resume(home, run_id, plan),
        remove=remove_run,
        options=(plan,),
        most=(control, "MOST_QUEUED"),
    )


KINDS = {
    "run": run_of(LONG, lambda home, database: control.enter(home, database, Experiment())),
    "sweep": run_of(
        SLOW,
        lambda home, database: (
            create_sweep(home, database, Sweep(base=Experiment(), calibration_sizes=(20, 999))).id
        ),
    ),
    "rescue": Kind(
        look=see_rescue,
        enter=lambda home: (
            rescues.enter(home, Rescue(experiment=demo(), remedies=(Remedy.PERCENTILE,))).id
        ),
        start=rescues.start_detached,
        cancel=rescues.request_cancel,
        resume=rescues.resume,
        remove=rescues.delete,
        most=(rescues, "MOST_ACTIVE"),
    ),
    "download": Kind(
        look=see_download,
        enter=lambda home: "imagenette",
        start=fetches.start_fetch,
        cancel=fetches.cancel_fetch,
        resume=fetches.start_fetch,
        remove=remove_download,
        interrupted="failed",
    ),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    (tmp_path / "tmp").mkdir()
    with serving() as server:
        server.gate.clear()  # every connection is held after its first bytes
        path = [redirect(server, tmp_path / "site"), str(TESTS / "pipeline"), str(TESTS / "sweeps")]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
        monkeypatch.setenv("EFFQ_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
        monkeypatch.setattr(tempfile, "tempdir", None)
        for name in ("EFFQ_SCHEDULER", "EFFQ_ENGINE_PORT", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield Home.from_environment()
        engine.stop(Home.from_environment())


@pytest.fixture(params=sorted(KINDS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def kind(name: str) -> Kind:
    return KINDS[name]


def until(kind: Kind, home: Home, job_id: str, true: Callable[[Seen], bool]) -> Seen:
    deadline = time.monotonic() + 60
    while not true(seen := kind.look(home, job_id)):
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
    return seen


def has_ended(seen: Seen) -> bool:
    return seen.status not in ("queued", "running", "cancelling")


def works_anew(before: Seen) -> Callable[[Seen], bool]:
    return lambda seen: seen.works and seen.pid != before.pid


def test_every_registered_kind_is_asked() -> None:
    assert set(kinds.known()) == set(KINDS)


def test_a_kind_nobody_knows_is_refused(home: Home) -> None:
    with pytest.raises(
        InputError, match=r"no kind of job 'nonsense'.*download, rescue, run, sweep"
    ):
        kinds.work("nonsense", home, "1")
    assert job.main(["nonsense", "1"]) == 1
    with pytest.raises(ValueError, match="registered already"):
        kinds.register("run", lambda *_: 0)


def test_it_is_seen_stopped_killed_and_taken_up_again(home: Home, name: str, kind: Kind) -> None:
    job_id = kind.enter(home)
    kind.start(home, job_id)
    first = until(kind, home, job_id, lambda seen: seen.works)
    assert first.pid != os.getpid()

    # A second process does not get in, and whoever would remove it is told to cancel it first.
    second = [sys.executable, "-m", "effq_core.cli.job", name, job_id, *kind.options]
    assert subprocess.run(second, capture_output=True, check=False).returncode == int(kind.waits)
    with pytest.raises(InputError, match="Cancel"):
        kind.remove(home, job_id)
    assert kind.look(home, job_id).pid == first.pid

    os.kill(first.pid or 0, signal.SIGKILL)
    assert until(kind, home, job_id, has_ended).status == kind.interrupted

    kind.resume(home, job_id)
    again = until(kind, home, job_id, works_anew(first))
    kind.cancel(home, job_id)
    assert until(kind, home, job_id, has_ended).status == "cancelled"

    kind.resume(home, job_id)  # the request to stop was forgotten
    third = until(kind, home, job_id, works_anew(again))
    if kind.waits:
        os.kill(third.pid or 0, signal.SIGTERM)
    else:
        kind.cancel(home, job_id)
    assert until(kind, home, job_id, has_ended).status == "cancelled"
    until(kind, home, job_id, lambda seen: not is_alive(third.pid, third.token))
    kind.remove(home, job_id)
    with pytest.raises(InputError, match="There is no"):
        kind.look(home, job_id)


def test_a_process_that_dies_at_birth_is_noticed(
    home: Home, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = kind.enter(home)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    kind.start(home, job_id)
    assert until(kind, home, job_id, has_ended).status == kind.interrupted


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.waits])
def test_one_that_waits_is_cancelled_at_once_and_makes_room(
    home: Home, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kind.most is not None
    monkeypatch.setattr(*kind.most, 2)
    waiting = [kind.enter(home), kind.enter(home)]
    with pytest.raises(BusyError, match=r"2 .*, and no more than 2 may"):
        kind.enter(home)
    kind.cancel(home, waiting[0])
    seen = [kind.look(home, job_id) for job_id in waiting]
    assert [(each.status, each.pid) for each in seen] == [("cancelled", None), ("queued", None)]
    assert kind.enter(home) not in waiting
