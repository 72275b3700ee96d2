"""The commands of ``effq`` in one place. What each does is imported when it runs."""

from typing import Annotated

import typer

from effq_core import __version__
from effq_core.base.settings import settle_home
from effq_core.cli import (
    catalogues,
    doctor,
    engine,
    evaluate,
    layers,
    output,
    own_photos,
    predict,
    rescue,
    run,
    show,
    steer,
    studio,
    sweep,
    timings,
)
from effq_core.cli.faults import EffqGroup

_EPILOG = (
    "Exit codes: 0 it worked; 1 it failed; 2 the command or its input cannot be used; "
    "130 cancelled. With --json only JSON is written to standard output; messages go to standard "
    "error. EFFQ_HOME moves the store, EFFQ_SCHEDULER names an existing Dask cluster."
)

app = typer.Typer(
    cls=EffqGroup,
    no_args_is_help=True,
    epilog=_EPILOG,
    pretty_exceptions_enable=False,  # effq_core.cli.faults reports them
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"effq {__version__}")
        raise typer.Exit


@app.callback()
def _effq(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Quantize image classifiers, and measure honestly what each variant gains and loses.

    `effq run` starts the built-in experiment, `effq show latest` shows what came of it.
    """

    if told := settle_home():
        output.say(told, error=True)


app.command("run")(run.run)
app.command("studio")(studio.studio)
app.command("runs")(show.runs)
app.command("show")(show.show)
app.command("layers")(layers.layers)
app.command("cancel")(steer.cancel)
app.command("time-now")(steer.time_now)
app.command("resume")(steer.resume)
app.command("delete")(steer.delete)
app.command("evaluate")(evaluate.evaluate)
app.command("export")(steer.export)
app.command("predict")(predict.predict)
app.add_typer(rescue.rescue_app, name="rescue")
app.add_typer(sweep.sweep_app, name="sweep")
app.add_typer(timings.timings_app, name="timings")
app.add_typer(catalogues.models_app, name="models")
app.add_typer(catalogues.datasets_app, name="datasets")
catalogues.datasets_app.command("add")(own_photos.add)
catalogues.datasets_app.command("remove")(own_photos.remove)
app.add_typer(engine.engine_app, name="engine")
app.command("doctor")(doctor.doctor)
