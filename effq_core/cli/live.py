"""Watching a run: a live display on a terminal, one plain line a stage elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from effq_core.base import formatting as fmt
from effq_core.pipeline.estimate import remaining, share_done
from effq_core.pipeline.progress import OnUpdate, Update
from effq_core.pipeline.registry import stage_title
from effq_core.results.wording import amount_text, event_text, is_trouble, waiting_text
from effq_core.store.rows import EventRow, StageRow, StageState, Status

MOST_SKIPPED = 10  # skipped images that are named; more are only counted

_SOON = {True: 1.0, False: 20.0}  # seconds until a queued run, or a stage, is said to wait
_AGAIN = 60.0  # seconds until it is said again

_BAR = 16  # columns of a progress bar, so that title, bar and words fit into 110

_MARKS = {
    StageState.DONE: ("✓", "green"),
    StageState.REUSED: ("=", "cyan"),
    StageState.FAILED: ("✗", "bold red"),
    StageState.CANCELLED: ("–", "yellow"),
}


@contextmanager
def watching(
    console: Console, *, quiet: bool = False, kind: type[Watcher] | None = None
) -> Iterator[OnUpdate | None]:
    """Shows a run's progress while the block runs."""
    if quiet:
        yield None
        return
    watcher = (kind or Watcher)(console)
    if not console.is_terminal:
        yield watcher.update
        return
    with Live(get_renderable=watcher.render, console=console, refresh_per_second=4, transient=True):
        yield watcher.update


class Watcher:
    """Prints what is finished, once, and draws what is going on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._ended: set[str] = set()
        self._skipped = 0
        self._last: Update | None = None
        self._begun = time.time()
        self._waits_since: float | None = None
        self._told_waiting = ("", 0.0)

    def update(self, update: Update) -> None:
        """Takes a change of the run."""
        first = self._last is None or not self._last.stages
        self._last = update
        if first and update.stages:
            self._print_reused(update.stages)
        for stage in update.stages:
            self._print_ended(stage)
        if update.event is not None:
            self._print_event(update.event)
        if not self._console.is_terminal:
            soon = _SOON[update.run.status is Status.QUEUED]
            self._print_waiting(update.waiting, soon, time.monotonic())

    def _print_waiting(self, text: str, soon: float, now: float) -> None:
        if not text:
            self._waits_since, self._told_waiting = None, ("", 0.0)
            return
        self._waits_since = self._waits_since or now
        told, at = self._told_waiting
        if now - self._waits_since >= soon and (text != told or now - at >= _AGAIN):
            self._told_waiting = (text, now)
            self._line("…", "dim", fmt.sentence(text))

    def _print_reused(self, stages: tuple[StageRow, ...]) -> None:
        """Says what need not be made, on one line: a repeated run reuses some thirty stages."""
        reused = [stage for stage in stages if stage.state is StageState.REUSED]
        self._ended |= {stage.name for stage in reused}
        if reused:
            total = fmt.counted(len(stages), "stage")
            self._line("=", "cyan", f"{fmt.count(len(reused))} of {total} reused")

    def _print_ended(self, stage: StageRow) -> None:
        if stage.state not in _MARKS or stage.name in self._ended:
            return
        self._ended.add(stage.name)
        if stage.state is StageState.CANCELLED and not stage.started:
            return  # it never began
        mark, style = _MARKS[stage.state]
        how = "reused" if stage.state is StageState.REUSED else fmt.duration(stage.seconds or 0.0)
        if stage.state in (StageState.FAILED, StageState.CANCELLED):
            how = f"{stage.state.value} after {how}"
        self._line(mark, style, f"{stage_title(stage.name)}  {how}")

    def _print_event(self, event: EventRow) -> None:
        if event.kind == "skipped":
            self._skipped += 1
            if self._skipped > MOST_SKIPPED:
                return
        text = event_text(event.kind, event.values)
        if text is not None:
            self._line(" ", "yellow" if is_trouble(event.kind) else "", f"  {text}")
        if event.kind == "skipped" and self._skipped == MOST_SKIPPED:
            self._line(" ", "yellow", "  Further skipped images are counted in the results.")

    def _line(self, mark: str, style: str, text: str) -> None:
        self._console.print(Text(f"{mark} {text}", style=style), soft_wrap=True)

    def render(self) -> RenderableType:
        """Draws what is going on."""
        update = self._last
        if update is None or not update.stages:
            status = update.run.status if update else Status.QUEUED
            waiting = (update and fmt.sentence(update.waiting)) or waiting_text(status)
            return Text(f"  {waiting} …", style="dim")
        lines: list[RenderableType] = [self._overall(update)]
        lines += [_running(stage) for stage in update.stages if stage.state is StageState.RUNNING]
        if update.waiting:
            lines.append(Text(f"  {fmt.sentence(update.waiting)} …", "dim"))
        return Group(*lines)

    def _overall(self, update: Update) -> RenderableType:
        stages = update.stages
        done = sum(stage.state.is_complete for stage in stages)
        # Estimated again here: between two changes time passes.
        time_left = fmt.left(remaining(stages))
        if update.run.status is Status.CANCELLING:
            time_left = "cancelling"
        elapsed = fmt.duration(time.time() - self._begun)
        about = f"{done} of {len(stages)} stages · {time_left} · {elapsed} so far"
        return _bar(Text("Run", style="bold"), share_done(stages), 1.0, about)


def _running(stage: StageRow) -> RenderableType:
    amount = amount_text(stage)
    about = [amount] if amount else []
    if stage.started:
        about.append(fmt.duration(time.time() - stage.started))
    if stage.detail:
        about.append(stage.detail)
    return _bar(Text(f"  {stage_title(stage.name)}"), stage.done, stage.total, " · ".join(about))


def _bar(title: Text, done: float, total: float, about: str) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(width=34, no_wrap=True)
    grid.add_column(width=_BAR)
    grid.add_column(no_wrap=True)
    bar = ProgressBar(total=total or None, completed=done, width=_BAR, pulse=not total)
    grid.add_row(title, bar, Text(about, style="dim"))
    return grid
