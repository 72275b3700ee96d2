"""Killing what a run is made of: its worker, engine, driver, and the dashboard it began in."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from effq_core.store.rows import Status
from tests.faults.cell import (
    Cell,
    Impossible,
    Missed,
    again,
    check_said,
    check_whole,
    inside,
    shown,
)
from tests.faults.compare import half_artifacts
from tests.faults.world import World


def _survives(made: World, process: subprocess.Popen[bytes], run_id: str, cell: Cell) -> None:
    """A run that must go on by itself and say what it lost."""
    made.ended(process)
    lost = made.events(run_id, "worker_lost")
    cell.how = "went on"
    cell.said = " ".join(str(event["reason"]) for event in lost)
    if not lost:
        cell.problems.append("The run does not tell that a process was lost.")
    check_whole(made, run_id, cell)
    if cell.stage.startswith("finetune"):
        _resumed(made, run_id, cell)


def _resumed(made: World, run_id: str, cell: Cell) -> None:
    epochs = [event["epoch"] for event in made.events(run_id, "resumed")]
    if epochs:
        cell.how += f", from epoch {epochs[-1]}"
    else:
        cell.problems.append("It did not resume from its checkpoint.")


def kill_worker(made: World, stage: str, cell: Cell, deep: bool) -> None:
    run_id = made.add_run()
    process = made.drive(run_id)
    with inside(made, stage, deep) as draft:
        _kill(made.worker(draft))
    _survives(made, process, run_id, cell)


def kill_engine(made: World, stage: str, cell: Cell, deep: bool) -> None:
    run_id = made.add_run()
    process = made.drive(run_id)
    with inside(made, stage, deep):
        _kill(made.engine())
    _survives(made, process, run_id, cell)


def kill_driver(made: World, stage: str, cell: Cell, deep: bool) -> None:
    run_id = made.add_run()
    process = made.drive(run_id)
    with inside(made, stage, deep):
        _kill(process.pid)
        process.wait()
    row = made.settled(run_id, 10)
    if row.status is Status.FINISHED:
        raise Missed
    if row.status is not Status.INTERRUPTED or row.results is not None:
        cell.problems.append(f"The run is {row.status} with results {row.results}.")
    cell.problems += half_artifacts(made)
    cell.how = "interrupted; resumed"
    check_said(cell, f"Status: {row.status}.", shown(made, run_id))
    again(made, run_id, cell)
    if stage.startswith("finetune") and _was_made_by(made, run_id, stage):
        _resumed(made, run_id, cell)


def _was_made_by(made: World, run_id: str, stage: str) -> bool:
    """Whether the second driver's worker made it; the first one's may have come to its end."""
    return made.stage_rows(run_id)[stage].state.value == "done"


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def kill_dashboard(made: World, stage: str, cell: Cell, deep: bool) -> None:
    """The dashboard whose button started the run dies; its runs are processes of their own."""
    run_id = made.add_run(Status.CANCELLED)
    with dashboards(made, 1) as (app,), browser() as open_page:
        press_resume(open_page(), app, run_id)
        with inside(made, stage, deep):
            app.kill()
        made.settled(run_id)
    cell.how = "went on"
    check_whole(made, run_id, cell)


@contextmanager
def dashboards(made: World, count: int) -> Iterator[list[Any]]:
    """Runs real dashboards on one store."""
    try:
        from tests.browser.app import chromium, serve
    except ImportError:
        raise Impossible("Playwright is not installed here") from None
    if chromium() is None:
        raise Impossible("there is no Chromium here")
    with ExitStack() as stack:
        yield [stack.enter_context(serve(made.home.root, **made.variables())) for _ in range(count)]


@contextmanager
def browser() -> Iterator[Callable[[], Any]]:
    """Runs a real browser; what is yielded opens a page."""
    from playwright.sync_api import sync_playwright

    from tests.browser.app import launch

    with sync_playwright() as playwright:
        running = launch(playwright)
        try:
            yield running.new_page
        finally:
            running.close()


def press_resume(page: Any, app: Any, run_id: str) -> None:
    """Goes on with a run as a visitor does."""
    from tests.browser.app import visit

    visit(page, app, "experiment", f"run={run_id}", timeout=120_000)
    page.locator(".st-key-do_resume button").first.click(timeout=120_000)
