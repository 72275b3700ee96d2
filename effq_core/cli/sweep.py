"""``effq sweep``: many runs that differ in a few choices, asked for at once."""

import inspect
from typing import Annotated, Any

import typer

from effq_core.cli.faults import EffqGroup
from effq_core.cli.setting_options import ASKED, option, parameter, several, with_options
from effq_core.cli.show import AsJson, Detach, Quiet, one_level_down
from effq_core.experiment.setting import Setting

_BASE = "What all runs share"
_AXES = "What varies (values separated by commas)"

sweep_app = typer.Typer(
    cls=EffqGroup,
    help="Run every combination of several settings; common stages run once.",
    add_completion=False,
    invoke_without_command=True,
    no_args_is_help=True,
)

SweepId = Annotated[
    str,
    typer.Argument(metavar="SWEEP", help="A sweep's id or the start of it, its name, or latest."),
]


def _options() -> list[inspect.Parameter]:
    swept = [several(each, _AXES) for each in ASKED if each.axis.name]
    return swept + [option(e, _BASE) for e in ASKED if not e.axis.name and _is_shared(e)]


def _is_shared(setting: Setting) -> bool:
    return "layers" not in setting.path and setting.part != "mixed"


@sweep_app.callback(invoke_without_command=True)
@with_options(_options)
def start(
    context: typer.Context,
    preset: Annotated[
        str, typer.Option(help="Start from demo, paper, thorough or extreme.")
    ] = "demo",
    one_level_down: Annotated[bool, one_level_down(_BASE)] = False,
    name: Annotated[str, typer.Option(help="Name of the sweep.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only estimate the time; start nothing.")
    ] = False,
    detach: Detach = False,
    json: AsJson = False,
    quiet: Quiet = False,
    **chosen: Any,
) -> None:
    """Run every combination of the values given.

    What several runs share is made once, on as many workers as there are (EFFQ_SCHEDULER names a
    cluster). Ctrl-C cancels; the same command, or `effq sweep resume`, continues where it stopped.
    """
    if context.invoked_subcommand is not None:
        return
    from effq_core.cli import choices, sweep_work
    from effq_core.sweeps.sweep import AXES, Sweep, worth_sweeping

    axes = {n: choices.parse_values(e, chosen.pop(parameter(e)) or []) for n, e in AXES.items()}
    given = choices.given(chosen, one_down=one_level_down)
    base = choices.make_experiment(preset, given)
    if "variants" not in given:
        base = worth_sweeping(base, [axis for axis, values in axes.items() if values])
    wanted = Sweep(base=base, **axes)
    choices.refuse_unused([member.experiment for member in wanted.members()], given)
    sweep_work.start(wanted, name=name, dry_run=dry_run, detach=detach, as_json=json, quiet=quiet)


@sweep_app.command("list")
def list_all(json: AsJson = False) -> None:
    """List all sweeps, newest first."""
    from effq_core.cli import sweep_work

    sweep_work.print_list(as_json=json)


@sweep_app.command("show")
def show(sweep: SweepId = "latest", json: AsJson = False) -> None:
    """Show what a sweep has found so far, also while it runs or after it was cancelled."""
    from effq_core.cli import sweep_work

    sweep_work.print_one(sweep, as_json=json)


@sweep_app.command("resume")
def resume(
    sweep: SweepId = "latest", detach: Detach = False, json: AsJson = False, quiet: Quiet = False
) -> None:
    """Continue a sweep where it stopped; what is finished is reused."""
    from effq_core.cli import sweep_work

    sweep_work.resume(sweep, detach=detach, as_json=json, quiet=quiet)
