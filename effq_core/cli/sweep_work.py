"""Working on a sweep in the foreground or behind the scenes, and what is printed of it."""

import time
from typing import Any

from rich.console import Console
from rich.text import Text

from effq_core.base import formatting as fmt
from effq_core.base.settings import Home
from effq_core.cli.live import Watcher, watching
from effq_core.cli.output import name_idle, print_json, safe, say, stderr, stdout, table
from effq_core.cli.work import give_up, leave, run_values, warn
from effq_core.experiment.variants import BASELINE
from effq_core.pipeline.estimate import remaining
from effq_core.results.access import LATEST, the_one
from effq_core.store.database import Database
from effq_core.store.rows import EventRow, RunRow, StageRow, StageState, Status
from effq_core.sweeps.document import Row, outcome, to_json
from effq_core.sweeps.findings import HOW, sentences
from effq_core.sweeps.state import SweepState, create_sweep, find_same, list_sweeps, read_sweep
from effq_core.sweeps.sweep import Sweep, label_of


def start(
    sweep: Sweep, *, name: str, dry_run: bool, detach: bool, as_json: bool, quiet: bool
) -> None:
    """Makes a sweep, or goes on with the same one, and works on it."""
    from effq_core.pipeline.forecast import recent_stages
    from effq_core.sweeps.union import forecast_sweep

    home = Home.from_environment()
    # What cannot be planned is wrong input, and leaves nothing behind.
    cost = forecast_sweep(sweep, home, recent_stages(home))
    warn(sweep.base, home)
    if as_json and dry_run:
        print_json({"sweep": sweep.to_dict(), "forecast": cost.__dict__})
    if not as_json and (dry_run or not quiet):
        _print_plan(stdout(), sweep, cost)
    if dry_run:
        name_idle("--dry-run", {"--detach": detach, "--name": name, "--quiet": quiet})
        return
    with Database(home.database) as database:
        same = find_same(home, database, sweep)
        if same is not None and not quiet:
            say(f"This sweep was requested before: continuing {same.id}.", error=True)
        run_id = same.id if same else create_sweep(home, database, sweep, name).id
    carry_on(home, run_id, detach=detach, as_json=as_json, quiet=quiet)


def resume(text: str, *, detach: bool, as_json: bool, quiet: bool) -> None:
    """Goes on with a sweep, named by its id or the start of it, its name, or ``latest``."""
    home = Home.from_environment()
    with Database(home.database) as database:
        run, _ = _find(home, database, text)
    carry_on(home, run.id, detach=detach, as_json=as_json, quiet=quiet)


def print_list(*, as_json: bool) -> None:
    """Prints the sweeps there are."""
    home = Home.from_environment()
    with Database(home.database) as database:
        found = list_sweeps(home, database)
    if as_json:
        values = [
            {"run": run_values(run), "sweep": s.sweep.to_dict(), "runs": s.runs} for run, s in found
        ]
        print_json(values)
        return
    if not found:
        say("There is no sweep yet. `effq sweep --calibration-size 50,200,500` starts one.")
        return
    made = table("Sweep", "Name", "Status", "Varies", "Finished", "Made", right=("Finished",))
    for run, state in found:
        done = f"{len(state.runs)} of {state.sweep.runs}"
        made.add_row(
            run.id, safe(run.name), str(run.status), label_of(state.sweep), done,
            fmt.moment(run.created),
        )  # fmt: skip
    stdout().print(made)


def print_one(text: str, *, as_json: bool) -> None:
    """Prints what a sweep has found, named as for :func:`resume`."""
    home = Home.from_environment()
    with Database(home.database) as database:
        run, state = _find(home, database, text)
        if as_json:
            print_json({"run": run_values(run), **to_json(home, database, state)})
        else:
            _print_outcome(stdout(), home, database, run, state)


def _find(home: Home, database: Database, text: str) -> tuple[RunRow, SweepState]:
    found = list_sweeps(home, database)
    if text == LATEST and found:
        return found[0]
    runs = [run for run, _ in found]
    run = the_one(runs, text, "sweep", "`effq sweep list` lists all sweeps.")
    return found[runs.index(run)]


def carry_on(home: Home, run_id: str, *, detach: bool, as_json: bool, quiet: bool) -> None:
    """Works on a sweep, queued or ended, and prints what it has found."""
    from effq_core.sweeps.driver import sweep_foreground

    if detach:
        leave(home, run_id, "effq sweep show", as_json=as_json, quiet=quiet)
        return
    console = stderr() if as_json else stdout()
    if not quiet:
        console.print(f"Sweep {run_id}", style="bold")
    begun = time.monotonic()
    with watching(console, quiet=quiet, kind=_SweepWatcher) as on_update:
        run = sweep_foreground(home, run_id, on_update)
    with Database(home.database) as database:
        state = read_sweep(home, run_id)
        if as_json:
            print_json({"run": run_values(run), **to_json(home, database, state)})
        else:
            if not quiet and run.status is Status.FINISHED:
                say(f"Finished in {fmt.duration(time.monotonic() - begun)}.\n")
            _print_outcome(stdout(), home, database, run, state)
    if run.status is not Status.FINISHED:
        give_up(run, "sweep", "effq sweep resume")


class _SweepWatcher(Watcher):
    """Says which runs are finished and which stages failed: hundreds of others tell nobody much."""

    _timed = False

    def _print_event(self, event: EventRow) -> None:
        if event.kind == "warning" and event.stage.startswith("benchmark"):
            if self._timed:
                return  # a busy machine is busy for hundreds of timings
            self._timed = True
        super()._print_event(event)

    def _print_ended(self, stage: StageRow) -> None:
        if stage.state is StageState.FAILED:
            super()._print_ended(stage)


def _print_plan(console: Console, sweep: Sweep, cost: Any) -> None:
    console.print(Text(f"{fmt.counted(cost.runs, 'run')}: {label_of(sweep)}", style="bold"))
    saved = cost.total - cost.distinct
    console.print(
        f"{fmt.count(cost.distinct)} distinct stages of {fmt.count(cost.total)} "
        f"({fmt.count(saved)} shared), {fmt.count(cost.cached)} cached; "
        + (
            f"about {fmt.roughly(cost.seconds)} on one worker."
            if cost.seconds
            else "nothing is left to do."
        ),
        soft_wrap=True,
    )


def _print_outcome(
    console: Console, home: Home, database: Database, run: RunRow, state: SweepState
) -> None:
    rows = outcome(home, state)
    title = f"{run.name} ({run.status}): {len(state.runs)} of {len(rows)} runs finished"
    console.print(Text(title, style="bold"), soft_wrap=True)
    if run.status.is_active:
        stages = database.stages(run.id)
        done = sum(stage.state.is_complete for stage in stages)
        left = fmt.left(remaining(stages))
        console.print(f"{done} of {fmt.counted(len(stages), 'stage')}, {left}.")
    made = table(
        "Run", "Variant", "Top-1 (95 %)", "Against float32", "Exact p", "n", "Id",
        right=("Top-1 (95 %)", "Against float32", "Exact p", "n"),
    )  # fmt: skip
    for row in rows:
        _add_row(made, row)
    console.print(made)
    for sentence in _findings(home, database, state):
        console.print(Text(sentence), soft_wrap=True)


def _add_row(made: Any, row: Row) -> None:
    shown = [found for found in row.found if found.variant != BASELINE] or list(row.found)
    if row.problem or not shown:
        made.add_row(row.label, safe(row.problem or "not yet"), "", "", "", "", row.run or "")
    for number, found in enumerate(shown):
        share = found.accuracy.top1
        comparison = found.comparison
        made.add_row(
            "" if number else row.label,
            found.title,
            fmt.share_with_interval(share.share, share.low, share.high) if share else fmt.NOTHING,
            fmt.points(comparison.difference_points) if comparison else fmt.NOTHING,
            fmt.p_value(comparison.p) if comparison else fmt.NOTHING,
            fmt.count(found.accuracy.n),
            "" if number else (row.run or "not finished"),
        )


def _findings(home: Home, database: Database, state: SweepState) -> list[str]:
    found = sentences(home, database, state)
    return [*(f"• {sentence}" for sentence in found), HOW] if found else []
