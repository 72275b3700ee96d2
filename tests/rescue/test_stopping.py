from __future__ import annotations

import time
from pathlib import Path

import pytest

from effq_core.base.errors import Cancelled, InputError, StoreError
from effq_core.base.settings import Home
from effq_core.jobs.files import JobFiles
from effq_core.rescue.stopping import Stopping

RUN = "20260101-000000-abcd"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    (made.runs / RUN).mkdir(parents=True)
    return made


def waited(path: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return path.exists()


def test_a_run_whose_time_is_up_is_cancelled(home: Home) -> None:
    stopping = Stopping(home, JobFiles.in_folder(home.root))
    with stopping.stops(RUN, 0.05, lambda: True, lambda: False) as worked:
        assert waited(home.runs / RUN / "cancel", 10)
    assert stopping.timed_out
    assert worked.seconds > 0.05
    stopping.check()  # nobody asked: the rescue itself goes on


def test_waiting_for_its_turn_is_none_of_its_time(home: Home) -> None:
    stopping, asked = Stopping(home, JobFiles.in_folder(home.root)), []

    def its_turn() -> bool:
        asked.append(time.monotonic())
        if len(asked) == 1:
            raise StoreError("The database is held.", "Try again.")  # not known this time
        return len(asked) > 3

    with stopping.stops(RUN, 0.4, its_turn, lambda: False) as worked:
        while len(asked) < 4:
            assert worked.seconds == 0
            assert not (home.runs / RUN / "cancel").exists()
            time.sleep(0.02)
        assert waited(home.runs / RUN / "cancel", 10)
    assert stopping.timed_out
    assert time.monotonic() - asked[-1] >= 0.4


def test_waiting_for_a_quiet_processor_is_none_of_its_time(home: Home) -> None:
    stopping = Stopping(home, JobFiles.in_folder(home.root))
    quiet = home.root / "quiet"
    asked: list[bool] = []

    def is_waiting() -> bool:
        asked.append(not quiet.exists())
        if len(asked) == 1:
            raise InputError("There is no such run.", "Somebody deleted it.")
        return asked[-1]

    with stopping.stops(RUN, 0.6, lambda: True, is_waiting) as worked:
        assert not waited(home.runs / RUN / "cancel", 1.5)
        assert worked.seconds < 0.6 and worked.waited > 0.5
        quiet.touch()
        assert waited(home.runs / RUN / "cancel", 10)
    assert stopping.timed_out


def test_a_run_is_cancelled_with_its_rescue(home: Home) -> None:
    files = JobFiles.in_folder(home.root)
    stopping = Stopping(home, files)
    with stopping.stops(RUN, None, lambda: True, lambda: False):
        assert not waited(home.runs / RUN / "cancel", 0.5)
        files.ask_to_stop()
        assert waited(home.runs / RUN / "cancel", 10)
    assert not stopping.timed_out
    with pytest.raises(Cancelled):
        stopping.check()
