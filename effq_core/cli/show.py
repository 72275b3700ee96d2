"""``effq runs`` and ``effq show``."""

from typing import Annotated, Any

import typer

from effq_core.base import formatting as fmt
from effq_core.base.settings import Home
from effq_core.cli import output

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON only.")]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id or the start of it, its name, or latest.")
]
OfRun = Annotated[
    str,
    typer.Option(
        "--run",
        metavar="RUN",
        help="A run's id or the start of it, its name, latest, or reference.",
    ),
]
ResultsAsJson = Annotated[bool, typer.Option("--json", help="Print the results as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the results.")]
Detach = Annotated[bool, typer.Option("--detach", help="Run in the background; print the id.")]


def one_level_down(panel: str | None = None) -> Any:
    """Returns the option that says on which level of a folder the classes are."""
    told = "The folders in the folder's folders are the classes: group/class/photo."
    return typer.Option("--one-level-down", help=told, rich_help_panel=panel)


def runs(
    limit: Annotated[int, typer.Option(help="The most runs to list.", min=1)] = 50,
    json: AsJson = False,
) -> None:
    """List the runs there are, newest first."""
    from effq_core.cli.work import run_values
    from effq_core.store.database import Database

    home = Home.from_environment()
    with Database(home.database) as database:
        found = database.list_runs(limit)
        stages = {run.id: database.stages(run.id) for run in found if run.status.is_active}
    if json:
        output.print_json([run_values(run) for run in found])
        return
    if not found:
        output.say("There is no run yet. `effq run` starts one.")
        return
    made = output.table("Run", "Name", "Status", "Made", "Took", "Model", "Photos", "Variants")
    for run in found:
        status = str(run.status)
        if stages.get(run.id):
            done = sum(stage.state.is_complete for stage in stages[run.id])
            status += f", {done} of {len(stages[run.id])} stages"
        took = run.finished - run.started if run.finished and run.started else None
        made.add_row(
            run.id,
            output.safe(run.name),
            status,
            fmt.moment(run.created),
            fmt.duration(took),
            output.safe(str(run.experiment.get("model", ""))),
            output.safe(str(run.experiment.get("dataset", ""))),
            fmt.count(len(run.experiment.get("variants", ()))),
        )
    output.stdout().print(made)


def show(
    run: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]",
            help="A run's id or the start of it, its name, latest, or reference: the bundled run.",
        ),
    ] = "latest",
    json: AsJson = False,
) -> None:
    """Show what a run has found, or how far it is."""
    from effq_core.cli import output, work
    from effq_core.cli.report import print_results
    from effq_core.pipeline.queue_turn import queue_text
    from effq_core.results import REFERENCE, find_run, load_reference, load_results, rows
    from effq_core.store.database import Database
    from effq_core.sweeps.state import is_sweep

    if run == REFERENCE:
        reference = load_reference()
        if json:
            output.print_json(
                {"run": None, "stages": [], "rows": rows(reference), "results": reference.plain}
            )
        else:
            print_results(output.stdout(), reference)
        return
    home = Home.from_environment()
    with Database(home.database) as database:
        row = find_run(database, run)
        stages = database.stages(row.id)
        events = database.events_after(row.id)
        waiting = queue_text(database, row)
    if is_sweep(home, row.id):
        from effq_core.cli import sweep_work

        sweep_work.print_one(row.id, as_json=json)
        return
    if json:
        output.print_json(work.document(home, row))
        return
    from effq_core.cli.state import print_head, print_state

    print_head(output.stdout(), row)
    if row.results is not None:
        print_results(output.stdout(), load_results(home, row))
    else:
        print_state(output.stdout(), row, stages, events, waiting)
