"""``effq sweep``: many runs that differ in a few choices, asked for at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from effq_core.base.errors import ExperimentError
from effq_core.cli.faults import EffqGroup
from effq_core.cli.show import AsJson
from effq_core.experiment.calibration_methods import METHODS

if TYPE_CHECKING:
    from effq_core.sweeps.sweep import Sweep

_T = TypeVar("_T")
_AXES = "What varies (values separated by commas)"
_BASE = "What all runs share"

sweep_app = typer.Typer(
    cls=EffqGroup,
    help="Run every combination of some choices, sharing what they share; see what it comes to.",
    add_completion=False,
    invoke_without_command=True,
    no_args_is_help=True,
)

SweepId = Annotated[
    str,
    typer.Argument(metavar="SWEEP", help="A sweep's id or the start of it, its name, or latest."),
]
Detach = Annotated[bool, typer.Option("--detach", help="Run in the background and return.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only what came of it.")]


def _axis(help: str) -> Any:
    return typer.Option(help=help, rich_help_panel=_AXES, show_default=False)


def _shared(help: str) -> Any:
    return typer.Option(help=help, rich_help_panel=_BASE, show_default=False)


@sweep_app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    calibration_size: Annotated[
        list[str] | None, _axis("Calibration images, such as 50,200,500.")
    ] = None,
    method: Annotated[
        list[str] | None, _axis(f"Calibration methods: {', '.join(METHODS)}.")
    ] = None,
    epochs: Annotated[list[str] | None, _axis("Epochs of fine-tuning.")] = None,
    learning_rate: Annotated[list[str] | None, _axis("Learning rates of fine-tuning.")] = None,
    loss: Annotated[list[str] | None, _axis("Losses: auto, labels, distill.")] = None,
    seed: Annotated[
        list[str] | None,
        _axis(
            "Seeds of calibration and training samples. The evaluation photos stay those of the "
            "preset's seed, 42, so that runs compare photo by photo."
        ),
    ] = None,
    preset: Annotated[str, _shared("Start from demo, paper or thorough.")] = "demo",
    model: Annotated[str | None, _shared("A model of `effq models`.")] = None,
    data: Annotated[str | None, _shared("photo_patches, imagenette, or a folder.")] = None,
    one_level_down: Annotated[
        bool,
        typer.Option(
            "--one-level-down",
            help="The folders in the folder's folders are the classes.",
            rich_help_panel=_BASE,
        ),
    ] = False,
    variant: Annotated[
        list[str] | None,
        _shared("Variants; those that depend on what varies, where not given, and float32."),
    ] = None,
    image_size: Annotated[int | None, _shared("Side of the model's input in pixels.")] = None,
    percentile: Annotated[float | None, _shared("For the method percentile, per cent.")] = None,
    batch_size: Annotated[int | None, _shared("Of fine-tuning.")] = None,
    training_size: Annotated[str | None, _shared("Images to fine-tune on, or all.")] = None,
    evaluation_size: Annotated[
        str | None, _shared("Images accuracy is measured on, or all.")
    ] = None,
    threads: Annotated[list[str] | None, _shared("Thread counts latency is measured at.")] = None,
    invocations: Annotated[int | None, _shared("Timed invocations.")] = None,
    name: Annotated[str, typer.Option(help="What to call the sweep.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would take.")
    ] = False,
    detach: Detach = False,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run every combination of the values given.

    What several runs share is made once, on as many workers as there are (EFFQ_SCHEDULER names a
    cluster). Ctrl-C cancels; the same command, or `effq sweep resume`, goes on where it stopped.
    """
    if context.invoked_subcommand is not None:
        return
    from effq_core.cli import choices, sweep_work
    from effq_core.experiment import QatLoss
    from effq_core.sweeps.sweep import Sweep, worth_sweeping

    groups: choices.Groups = {
        "experiment": {
            "model": model,
            "dataset": choices.parse_data(data, one_down=one_level_down),
            "image_size": image_size,
            "variants": choices.parse_variants(variant),
            "training_size": choices.parse_size(training_size, "training"),
            "evaluation_size": choices.parse_size(evaluation_size, "evaluation"),
            "threads": choices.parse_threads(threads),
            "benchmark_invocations": invocations,
        },
        "calibration": {"percentile": percentile},
        "qat": {"batch_size": batch_size},
    }
    base = choices.make_experiment(preset, looks=False, **groups)
    axes: dict[str, Any] = {
        "calibration_sizes": _values(calibration_size, int, "calibration size"),
        "methods": _values(method, lambda text: METHODS[text.replace("-", "_")].name, "method"),
        "epochs": _values(epochs, int, "number of epochs"),
        "learning_rates": _values(learning_rate, float, "learning rate"),
        "losses": _values(loss, QatLoss, "loss"),
        "seeds": _values(seed, int, "seed"),
    }
    if variant is None:
        base = worth_sweeping(base, [axis for axis, values in axes.items() if values])
    wanted: Sweep = Sweep(base=base, **axes)
    choices.refuse_unused([member.experiment for member in wanted.members()], groups)
    sweep_work.start(wanted, name=name, dry_run=dry_run, detach=detach, as_json=json, quiet=quiet)


def _values(texts: list[str] | None, kind: Callable[[str], _T], what: str) -> tuple[_T, ...]:
    parts = [part.strip() for text in texts or () for part in text.split(",") if part.strip()]
    found = []
    for part in parts:
        try:
            found.append(kind(part))
        except ValueError:
            raise ExperimentError(
                f"{part!r} is not a {what}.", "Separate values by commas; see `effq sweep --help`."
            ) from None
    return tuple(found)


@sweep_app.command("list")
def list_all(json: AsJson = False) -> None:
    """List the sweeps there are, newest first."""
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
