"""``effq cancel``, ``time-now``, ``resume``, ``delete`` and ``export``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from effq_core.base import formatting as fmt
from effq_core.base.errors import InputError
from effq_core.base.settings import Home
from effq_core.cli import output
from effq_core.cli.show import AsJson, Detach, Quiet, ResultsAsJson, RunName

if TYPE_CHECKING:
    from effq_core.results import Results
    from effq_core.store.database import Database

_CANCEL_SECONDS = 10.0
_POLL = 0.1


def cancel(run: RunName, json: AsJson = False) -> None:
    """Cancel a run; what it has finished is kept."""
    from effq_core.cli import output, work
    from effq_core.pipeline.control import request_cancel
    from effq_core.results import find_run

    with _store() as (home, database):
        row = find_run(database, run)
        was_active = row.status.is_active
        row = request_cancel(home, row.id)
        deadline = time.monotonic() + _CANCEL_SECONDS
        while row.status.is_active and time.monotonic() < deadline:
            time.sleep(_POLL)
            row = database.get_run(row.id)
    if json:
        output.print_json({"run": work.run_values(row)})
    elif not was_active:
        output.say(f"The run {row.id} had ended already: it is {row.status}.")
    elif row.status.is_active:
        output.say(f"The run {row.id} was asked to stop; it is {row.status}.")
    else:
        output.say(f"The run {row.id} is {row.status}. `effq resume {row.id}` continues it.")


def time_now(run: RunName) -> None:
    """Let a run time its files without waiting for a quiet CPU."""
    from effq_core.pipeline import control
    from effq_core.results import find_run

    with _store() as (home, database):
        row = find_run(database, run)
        control.time_now(home, row.id)
    output.say(f"The run {row.id} times its files without waiting. Disturbed timings are marked.")


def resume(
    run: RunName, detach: Detach = False, json: ResultsAsJson = False, quiet: Quiet = False
) -> None:
    """Continue a run where it stopped; finished stages are reused."""
    from effq_core.cli import sweep_work, work
    from effq_core.results import find_run
    from effq_core.sweeps.state import is_sweep

    with _store() as (home, database):
        row = find_run(database, run)
    carry_on = sweep_work.carry_on if is_sweep(home, row.id) else work.carry_on
    carry_on(home, row.id, detach=detach, as_json=json, quiet=quiet)


def delete(
    run: RunName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    free: Annotated[
        bool, typer.Option("--free", help="Also remove what its stages made and no other run uses.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Delete a run. What its stages made stays in the store, unless --free is given."""
    from effq_core.results import find_run
    from effq_core.store import removal, usage

    freed = 0
    with _store() as (home, database):
        row = find_run(database, run)
        if not yes:
            name = f" “{row.name}”" if row.name else ""
            question = f"Delete the run {row.id}{name}?"
            if free:
                plan = removal.plan_deletion(home, usage.take_inventory(home, database), [row.id])
                question = f"Delete the run {row.id}{name} and free {fmt.size(plan.freed_bytes)}?"
            typer.confirm(question, abort=True, err=True)
        if free:
            freed = removal.delete_runs(home, database, [row.id])
        else:
            database.delete_run(row.id)
    if json:
        output.print_json({"deleted": row.id} | ({"freed_bytes": freed} if free else {}))
    elif free:
        output.say(f"The run {row.id} was deleted; {fmt.size(freed)} freed.")
    else:
        output.say(f"The run {row.id} was deleted.")


def export(
    run: RunName,
    to: Annotated[
        Path,
        typer.Option(
            "--to", metavar="PATH", help="The folder, or with --bundle the zip, to write."
        ),
    ],
    bundle: Annotated[
        str | None,
        typer.Option(
            metavar="VARIANT",
            help="Write one variant's zip for a device: the file, labels, a model card, and "
            "programs that run and time it without EffQ.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write into a folder that is not empty, or over a file.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Write a run's results (CSV, JSON), .tflite files, labels and a README into a folder.

    With --bundle: one variant, with all a device needs, as a zip.
    """
    from effq_core.deliver.export import export as write
    from effq_core.results import REFERENCE, find_run, load_reference, load_results

    if run == REFERENCE:
        name, results = run, load_reference()
    else:
        with _store() as (home, database):
            row = find_run(database, run, with_results=True)
        name, results = row.name or row.id, load_results(home, row)
    if bundle is not None:
        _bundle(results, bundle, to, name=name, force=force, json=json)
        return
    files = write(results, to, name=name, force=force)
    if json:
        output.print_json({"folder": str(files[0].parent), "files": [file.name for file in files]})
        return
    output.say(f"Written to {files[0].parent}:")
    for file in files:
        output.say(f"  {file.name}")


def _bundle(
    results: Results, variant: str, to: Path, *, name: str, force: bool, json: bool
) -> None:
    from effq_core.cli import choices, output
    from effq_core.deliver.bundle import write_bundle

    chosen = choices.parse_variants([variant]) or ()
    if len(chosen) != 1:
        message = f"{variant!r} is not one variant."
        raise InputError(message, f"A bundle holds one of: {', '.join(results.with_files)}.")
    written = write_bundle(results, chosen[0], to, run=name, force=force)
    size = written.stat().st_size
    if json:
        output.print_json({"file": str(written), "variant": chosen[0], "bytes": size})
    else:
        output.say(f"Written to {written} ({fmt.size(size)}).")


@contextmanager
def _store() -> Iterator[tuple[Home, Database]]:
    from effq_core.store.database import Database

    home = Home.from_environment()
    with Database(home.database) as database:
        yield home, database
