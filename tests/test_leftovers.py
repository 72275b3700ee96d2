from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from effq_core.pipeline import engine
from effq_core.settings import Home
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
    assert {state["pid"], *workers} <= set(end_processes(tmp_path))
    assert not any(psutil.pid_exists(pid) for pid in workers)
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
        assert not psutil.pid_exists(stubborn.pid)
        assert others.poll() is None
    finally:
        others.kill()
        others.communicate()
        stubborn.communicate()
