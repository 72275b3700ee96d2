from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from effq_core.base.errors import EngineError, StoreError
from effq_core.jobs.files import JobFiles, raise_flag


@pytest.fixture
def files(tmp_path: Path) -> JobFiles:
    return JobFiles.in_folder(tmp_path / "job")


def test_a_request_to_stop_stays_until_it_is_forgotten(files: JobFiles) -> None:
    files.forget_cancel()
    assert not files.is_asked_to_stop
    files.ask_to_stop()
    files.ask_to_stop()
    assert files.is_asked_to_stop
    files.forget_cancel()
    assert not files.is_asked_to_stop


def test_one_at_a_time_works_on_it_and_who_ends_soon_is_waited_for(files: JobFiles) -> None:
    with (
        files.worked_on("the run 1"),
        pytest.raises(EngineError, match="Another process works on the run 1"),
        files.worked_on("the run 1"),
    ):
        pytest.fail("two work on it")

    begun, leave = threading.Event(), threading.Event()

    def first() -> None:
        with files.worked_on("the run 1"):
            begun.set()
            leave.wait(20)

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(20)
    threading.Timer(0.3, leave.set).start()
    with files.worked_on("the run 1", patience=20):
        assert leave.is_set()
    thread.join()


def test_the_first_signal_asks_and_a_second_acts_as_usual(files: JobFiles) -> None:
    files.folder.mkdir()
    # Ignored where the tests themselves run in the background.
    own, before = signal.getsignal(signal.SIGINT), signal.default_int_handler
    signal.signal(signal.SIGINT, before)
    with pytest.raises(KeyboardInterrupt), files.signals_cancel():
        os.kill(os.getpid(), signal.SIGINT)
        deadline = time.monotonic() + 10
        while not files.is_asked_to_stop:
            assert time.monotonic() < deadline
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    assert signal.getsignal(signal.SIGINT) is before
    signal.signal(signal.SIGINT, own)


def test_a_flag_makes_no_folder_of_a_job_that_was_deleted(files: JobFiles) -> None:
    with pytest.raises(StoreError):
        raise_flag(files.cancel)
    assert not files.folder.exists()
