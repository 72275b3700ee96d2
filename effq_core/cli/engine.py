"""``effq engine``: the process that does the work of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from effq_core.base import formatting as fmt
from effq_core.base.settings import Home
from effq_core.cli import output
from effq_core.cli.faults import EffqGroup
from effq_core.cli.show import AsJson

if TYPE_CHECKING:
    from effq_core.pipeline.engine_status import EngineStatus

engine_app = typer.Typer(
    cls=EffqGroup,
    help="Show or stop the process that executes runs; a run starts it automatically.",
    add_completion=False,
    no_args_is_help=True,
)


@engine_app.command("status")
def status(json: AsJson = False) -> None:
    """Show whether the engine runs, since when, its memory and its work."""
    from effq_core.pipeline.engine_status import engine_status

    found = engine_status(Home.from_environment())
    if json:
        output.print_json(found.to_dict())
        return
    for line in _lines(found):
        output.say(line)


@engine_app.command("stop")
def stop(
    force: Annotated[
        bool,
        typer.Option("--force", help="Cancel active runs first; what they have finished is kept."),
    ] = False,
    json: AsJson = False,
) -> None:
    """Stop the engine and give back its memory; refused while runs are active."""
    from effq_core.pipeline.engine_status import stop_engine

    was, cancelled = stop_engine(Home.from_environment(), force=force)
    if json:
        values = {
            "stopped": was.running,
            "pid": was.pid,
            "freed_bytes": was.memory_bytes,
            "cancelled": [each.run for each in cancelled],
        }
        output.print_json(values)
        return
    for each in cancelled:
        output.say(f"The run {each.run} was cancelled. `effq resume {each.run}` continues it.")
    if was.running:
        output.say(f"The engine is stopped: {fmt.size(was.memory_bytes)} of memory freed.")
    else:
        output.say("The engine was not running.")


def _lines(found: EngineStatus) -> list[str]:
    from effq_core.pipeline.engine_status import described

    if not found.running:
        lines = ["The engine is not running; a run starts it."]
    elif found.external:
        lines = [f"The engine is the Dask cluster at {found.address}."]
    else:
        since = fmt.moment(found.started or 0.0)
        lines = [f"The engine has been running since {since}, as process {found.pid}."]
    if found.running:
        workers = fmt.counted(found.workers, "worker")
        lines.append(f"It has {workers} and {fmt.size(found.memory_bytes)} of memory.")
    busy = [f"The {described(each)}." for each in found.work]
    return lines + (busy or (["It is idle."] if found.running else []))
