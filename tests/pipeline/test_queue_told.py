"""Whoever waits is told where it stands: on a terminal, in a pipe, and by `effq show`."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from pipeline_runs import Runs
from pipeline_stages import spec
from rich.console import Console
from typer.testing import CliRunner

from effq_core.base.locks import cores
from effq_core.cli import live
from effq_core.cli.app import app
from effq_core.cli.live import watching
from effq_core.pipeline import control, driver, worker
from effq_core.pipeline.stage import StageTask
from effq_core.store.rows import Status

ROOT = str(Path(driver.__file__).parents[2])


def piped(runs: Runs, run_id: str, again: float) -> subprocess.Popen[str]:
    """Follows a run as `effq run` does whose output goes into a pipe."""
    code = (
        "import sys; from rich.console import Console; from effq_core.cli import live;"
        "from effq_core.pipeline.driver import run_foreground;"
        "from effq_core.base.settings import Home;"
        f"live._AGAIN = {again}; console = Console(file=sys.stdout, width=140);"
        "\nwith live.watching(console) as on_update:"
        f"\n    run_foreground(Home.from_environment(), {run_id!r}, on_update,"
        " 'pipeline_stages:numbers_plan')"
    )
    path = os.pathsep.join([ROOT, os.environ["PYTHONPATH"]])
    return subprocess.Popen(
        [sys.executable, "-u", "-c", code],
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_queued_run_tells_a_pipe_its_place_again_and_again(runs: Runs) -> None:
    first, _ = runs.start("long_plan")
    runs.until_mark("epoch0")
    second, third = sorted(runs.create(seed) for seed in (1, 2))
    runs.start("long_plan", second)
    runs.until(second, lambda run: run.driver_pid is not None)
    process = piped(runs, third, again=2.0)
    try:
        assert process.stdout is not None
        place = f"… 2nd in the queue: waiting for run {first} to finish\n"
        assert process.stdout.readline() == "= 1 of 3 stages reused\n"
        assert process.stdout.readline() == place
        begun = time.monotonic()
        assert process.stdout.readline() == place, "and again after a while"
        assert 1.0 < time.monotonic() - begun < 10

        shown = CliRunner().invoke(app, ["show", third]).stdout
        assert place.removeprefix("… ").strip() + "." in shown.replace("\n", " ")

        control.request_cancel(runs.home, second)
        runs.ended(second)
        # On a busy machine the second takes long to end, and its place is told once more.
        told = next(line for line in process.stdout if line != place)
        assert told == place.replace("2nd", "1st")
        control.request_cancel(runs.home, first)
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert "in the queue" not in rest.split("✓")[-1]
    assert runs.ended(third).status is Status.FINISHED


def test_a_run_held_up_by_a_timing_says_so(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_SOON", {True: 0.5, False: 0.5})
    console = Console(file=io.StringIO(), width=140)
    done, held = threading.Event(), threading.Event()

    def measure() -> None:
        with cores(alone=True):
            held.set()
            done.wait(30)

    threading.Thread(target=measure).start()
    assert held.wait(5)

    def end() -> None:
        text = console.file.getvalue  # type: ignore[attr-defined]
        deadline = time.monotonic() + 25
        while "timing run" not in text() and time.monotonic() < deadline:
            time.sleep(0.05)
        done.set()

    threading.Thread(target=end).start()
    run_id = runs.create()
    with watching(console) as on_update:
        driver.run_foreground(runs.home, run_id, on_update, "pipeline_stages:numbers_plan")
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "… Waiting for a timing run to finish" in lines
    assert lines.index("… Waiting for a timing run to finish") < lines.index(
        next(line for line in lines if line.startswith("✓"))
    )
    assert worker.TIMING == "waiting for a timing run to finish"


def test_a_timing_run_says_that_it_waits_for_other_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    measured = spec("n", "write_number", params={"value": 1}, exclusive=True)
    task = StageTask(
        run_id="r", spec=measured, fingerprint="f" * 64, inputs={}, home=str(tmp_path), topic="t"
    )
    sent: list[dict[str, Any]] = []
    other = contextlib.ExitStack()
    other.enter_context(cores(alone=False))

    def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["what"] == "waiting":
            other.close()

    assert worker.run_stage(task, send)["state"] == "done"
    waited = [message["detail"] for message in sent if message["what"] == "waiting"]
    assert waited == ["waiting for free cores"]


def test_a_terminal_shows_the_place_in_the_queue(runs: Runs) -> None:
    first, _ = runs.start("long_plan")
    runs.until_mark("epoch0")
    console = Console(file=io.StringIO(), width=140, force_terminal=True)
    watcher = live.Watcher(console)
    told: list[str] = []
    run_id = runs.create()

    def on_update(update: object) -> None:
        watcher.update(update)  # type: ignore[arg-type]
        with console.capture() as seen:
            console.print(watcher.render())
        told.append(seen.get())
        if "in the queue" in told[-1]:
            control.request_cancel(runs.home, run_id)

    run = driver.run_foreground(runs.home, run_id, on_update, "pipeline_stages:numbers_plan")
    assert run.status is Status.CANCELLED
    assert any(f"1st in the queue: waiting for run {first} to finish …" in each for each in told)
    assert "in the queue" not in console.file.getvalue()  # type: ignore[attr-defined]
