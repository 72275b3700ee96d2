"""Running a run in the foreground or behind the scenes, and what is printed of it."""

import time
from dataclasses import asdict
from typing import Any, NoReturn

import typer
from rich.console import Console

from effq_core.base import formatting as fmt
from effq_core.base.settings import Home
from effq_core.cli.faults import CANCELLED, FAILED
from effq_core.cli.output import name_idle, print_error, print_json, say, stderr, stdout
from effq_core.experiment import Experiment
from effq_core.store.database import Database
from effq_core.store.rows import RunRow, StageRow, Status

GO_DOWN = "--one-level-down takes those as classes."


def start(
    experiment: Experiment,
    *,
    name: str,
    remeasure: bool,
    time_now: bool = False,
    detach: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Makes a run of an experiment and works on it; EffqError, and no run, if it cannot be run."""
    from effq_core.api.running import begin

    home = Home.from_environment()
    run_id = begin(home, experiment, name, remeasure=remeasure, time_now=time_now)
    warn(experiment, home)
    carry_on(home, run_id, detach=detach, as_json=as_json, quiet=quiet)


def warn(experiment: Experiment, home: Home) -> None:
    """Says on standard error, before anything runs, what may not be meant."""
    from effq_core.layers.names import names_of
    from effq_core.models.catalogue import get_model
    from effq_core.photos.catalogue import open_dataset
    from effq_core.photos.folder import FolderDataset
    from effq_core.pipeline.plan_model import head_note

    dataset = open_dataset(experiment.dataset, home)
    if isinstance(dataset, FolderDataset) and dataset.nested and not dataset.one_down:
        meant = dataset.nested.warning(one_down=False)
        say(f"{meant} {GO_DOWN}", style="yellow", error=True)
    card = get_model(experiment.model, home)
    note = head_note(card, dataset)
    if note.text and not experiment.files_of:
        say(note.text, style="yellow" if note.near_miss else "", error=True)
    kept = experiment.mixed and experiment.mixed.keep and "--keep"
    named = kept or (experiment.fitted and experiment.fitted.widths and "--widths")
    if named and names_of(card) is None:
        say(
            f"The names after {named} are checked once the float32 file is made. Add the model "
            "again, and they are checked before anything runs.",
            style="yellow",
            error=True,
        )


def fitted(experiment: Experiment) -> Experiment:
    """Makes sizes nobody chose fit the photos, and says so on standard error."""
    from effq_core.pipeline.fitting import fit

    fitting = fit(experiment, Home.from_environment())
    if fitting.calibration != experiment.calibration:
        say(
            f"Few photos: {fmt.count(fitting.calibration.size)} are used for calibration instead "
            f"of {fmt.count(experiment.calibration.size)}. --calibration-size changes that.",
            error=True,
        )
    return fitting


def carry_on(home: Home, run_id: str, *, detach: bool, as_json: bool, quiet: bool) -> None:
    """Works on a run, queued or ended, and prints how it ends."""
    if detach:
        leave(home, run_id, "effq show", as_json=as_json, quiet=quiet)
        return
    begun = time.monotonic()
    run = drive(home, run_id, console=stderr() if as_json else stdout(), quiet=quiet)
    if as_json:
        print_json(document(home, run))
    if run.status is Status.FINISHED:
        if not as_json:
            _print_results(home, run, time.monotonic() - begun, quiet=quiet)
        return
    give_up(run)


def drive(home: Home, run_id: str, *, console: Console, quiet: bool) -> RunRow:
    """Works on a run and shows its progress."""
    from effq_core.cli.live import watching
    from effq_core.pipeline.driver import run_foreground

    if not quiet:
        console.print(f"Run {run_id}", style="bold")
    with watching(console, quiet=quiet) as on_update:
        return run_foreground(home, run_id, on_update)


def give_up(run: RunRow, what: str = "run", resume: str = "effq resume") -> NoReturn:
    """Says why a run did not finish, and ends with the exit code for it."""
    again = f"`{resume} {run.id}` continues where it stopped: what is finished is kept."
    if run.status is Status.CANCELLED:
        print_error(f"The {what} {run.id} was cancelled.", again)
        raise typer.Exit(CANCELLED)
    print_error(run.error or f"The {what} {run.id} is {run.status}.", run.hint)
    say(again, style="red", error=True)
    raise typer.Exit(FAILED)


def document(home: Home, run: RunRow) -> dict[str, Any]:
    """Returns what ``--json`` tells about a run; its ``rows`` and ``results`` may be empty."""
    from effq_core.results import load_results, rows

    with Database(home.database) as database:
        stages = database.stages(run.id)
    results = load_results(home, run) if run.results is not None else None
    return {
        "run": run_values(run),
        "stages": [_stage_values(stage) for stage in stages],
        "rows": rows(results) if results else [],
        "results": results.plain if results else None,
    }


def run_values(run: RunRow) -> dict[str, Any]:
    """Returns what is public of a run as JSON values; times are seconds since 1970."""
    plain = asdict(run)
    for private in ("driver_pid", "driver_started"):
        del plain[private]
    return plain


def _stage_values(stage: StageRow) -> dict[str, Any]:
    plain = asdict(stage)
    del plain["run_id"]
    return plain


def leave(home: Home, run_id: str, show: str, *, as_json: bool, quiet: bool) -> None:
    """Leaves a run, queued or ended, to a process of its own."""
    from effq_core.pipeline.control import resume, start_detached

    name_idle("--detach", {"--quiet": quiet})
    with Database(home.database) as database:
        queued = database.get_run(run_id).status is Status.QUEUED
    pid = start_detached(home, run_id) if queued else resume(home, run_id)
    if as_json:
        print_json({"run": {"id": run_id}, "driver_pid": pid})
        return
    say(run_id)
    say(f"It runs in the background. `{show} {run_id}` shows its progress.", error=True)


def _print_results(home: Home, run: RunRow, seconds: float, *, quiet: bool) -> None:
    from effq_core.cli.report import print_results
    from effq_core.results import load_results

    if not quiet:
        say(f"Finished in {fmt.duration(seconds)}.\n")
    print_results(stdout(), load_results(home, run))
    if not quiet:
        say(f"\n`effq show {run.id}` shows this again, `effq export {run.id} --to DIR` writes it.")
