"""``effq run``: every choice of an experiment as an option."""

from typing import Annotated, Any

import typer

from effq_core.cli.setting_options import ASKED, option, with_options
from effq_core.cli.show import Detach, Quiet, ResultsAsJson, one_level_down

_MEASURE = "Measurement"


@with_options(lambda: map(option, ASKED))
def run(
    preset: Annotated[
        str,
        typer.Option(help="Start from demo, paper, thorough or extreme; other options change it."),
    ] = "demo",
    one_level_down: Annotated[bool, one_level_down("Model and photos")] = False,
    remeasure: Annotated[
        bool,
        typer.Option(
            "--remeasure",
            help="Time all files again, for example because the machine was busy; earlier runs "
            "keep their timings.",
            rich_help_panel=_MEASURE,
        ),
    ] = False,
    time_now: Annotated[
        bool,
        typer.Option(
            "--time-now",
            help="Time the files without waiting for a quiet CPU; disturbed timings are marked.",
            rich_help_panel=_MEASURE,
        ),
    ] = False,
    name: Annotated[str, typer.Option(help="What to call the run.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only estimate stages, time and disk; start nothing.")
    ] = False,
    detach: Detach = False,
    json: ResultsAsJson = False,
    quiet: Quiet = False,
    **chosen: Any,
) -> None:
    """Run an experiment: quantize a model and measure every variant.

    Without options: the bundled model on the built-in photos, a few minutes. Whatever an earlier
    run has made already is reused. Ctrl-C cancels; `effq resume` continues where it stopped.
    """
    from effq_core.cli import choices, output, work

    given = choices.given(chosen, one_down=one_level_down)
    experiment = choices.make_experiment(preset, given)
    choices.refuse_unused([experiment], given)
    if "calibration.size" not in given:
        experiment = work.fitted(experiment)
    if dry_run:
        from effq_core.cli.foresee import foresee

        idle = {"--detach": detach, "--name": name, "--quiet": quiet, "--time-now": time_now}
        output.name_idle("--dry-run", idle)
        foresee(experiment, remeasure=remeasure, as_json=json)
        return
    work.start(
        experiment,
        name=name,
        remeasure=remeasure,
        time_now=time_now,
        detach=detach,
        as_json=json,
        quiet=quiet,
    )
