from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from effq_core.base.settings import Home
from effq_core.jobs.process import process_token
from effq_core.pipeline import engine
from tests.leftovers import end_processes, processes_of


def test_a_store_s_engine_and_its_worker_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    for name in ("EFFQ_SCHEDULER", "EFFQ_ENGINE_PORT"):
        monkeypatch.delenv(name, raising=False)
    engine.connect(home).close()
    state = engine.running(home)
    assert state is not None
    workers = [each.pid for each in psutil.Process(state["pid"]).children(recursive=True)]
    assert workers
    home.root.rename(tmp_path / "moved")  # the file that names the engine is not where it was
    assert end_processes(tmp_path / "hom") == []
    # What serves the engine may go with it by itself, before anybody ends it.
    assert state["pid"] in end_processes(home.root)
    deadline = time.monotonic() + 20
    while left := [pid for pid in (state["pid"], *workers) if process_token(pid)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
    assert not processes_of(tmp_path)


def test_what_does_not_listen_is_killed_and_what_is_others_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.leftovers._PATIENCE", 0.5)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True)"
    stubborn, others = (
        subprocess.Popen(
            [sys.executable, "-c", code + "; time.sleep(60)"],
            env={**os.environ, "EFFQ_HOME": str(tmp_path / folder / "home")},
            stdout=subprocess.PIPE,
        )
        for folder in ("mine", "others")
    )
    try:
        for process in (stubborn, others):
            assert process.stdout is not None
            process.stdout.readline()
        assert end_processes(tmp_path / "mine") == [stubborn.pid]
        assert process_token(stubborn.pid) is None
        assert others.poll() is None
    finally:
        others.kill()
        others.communicate()
        stubborn.communicate()


_SESSION = """
import os, subprocess, sys
import pytest

@pytest.mark.parametrize("number", range(2))
def test_that_starts_something(tmp_path, number):
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        env={**os.environ, "EFFQ_HOME": str(tmp_path / "home")},
    )
    with open(os.environ["STARTED"], "a") as file:
        print(process.pid, file=file)
    assert number != 1, "on purpose"
"""


@pytest.mark.parametrize("options", [(), ("-n", "2"), ("--maxfail", "1")], ids=" ".join)
def test_a_session_ends_what_its_tests_started(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import nothing_is_left\n")
    (tmp_path / "test_it.py").write_text(_SESSION)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    started = tmp_path / "started"
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", tmp_path, "--rootdir", tmp_path, *options),
            *("-p", "no:cacheprovider", "--basetemp", tmp_path / "base"),
        ],
        env={**os.environ, "STARTED": str(started), "PYTHONPATH": str(root)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    numbers = [int(line) for line in started.read_text().split()]
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert len(numbers) == 2
    assert not any(process_token(number) for number in numbers)
