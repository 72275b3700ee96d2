"""``effq run``: every choice of an experiment as an option."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from effq_core.experiment import QatLoss
from effq_core.experiment.calibration_methods import METHODS
from effq_core.experiment.mixed import Precision
from effq_core.experiment.variants import CATALOGUE

_MODEL = "Models"
_QUANTIZE = "Quantization"
_MEASURE = "Measurement"
_LAYERS = "Layers and mixed precision"


def run(
    preset: Annotated[
        str, typer.Option(help="Start from demo, paper or thorough; other options change it.")
    ] = "demo",
    model: Annotated[
        str | None, typer.Option(help="A model of `effq models`.", rich_help_panel=_MODEL)
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="photo_patches (built in), imagenette (`effq datasets download imagenette`), or a "
            "folder of photos.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    one_level_down: Annotated[
        bool,
        typer.Option(
            "--one-level-down",
            help="The folders in the folder's folders are the classes: group/class/photo.",
            rich_help_panel=_MODEL,
        ),
    ] = False,
    image_size: Annotated[
        int | None,
        typer.Option(
            help="Side of the model's input in pixels; the model's own by default.",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Variants to make: {', '.join(CATALOGUE)}; or standard, controls, all. Repeat it "
            "or separate them by commas. float32 is always among them.",
            rich_help_panel=_QUANTIZE,
        ),
    ] = None,
    calibration_size: Annotated[
        int | None, typer.Option(help="Calibration images.", rich_help_panel=_QUANTIZE)
    ] = None,
    calibration_method: Annotated[
        str | None,
        typer.Option(
            help=f"How calibration images become activation ranges: {', '.join(METHODS)}.",
            rich_help_panel=_QUANTIZE,
        ),
    ] = None,
    percentile: Annotated[
        float | None,
        typer.Option(
            help="Share of values a range holds, per cent (for the method percentile).",
            rich_help_panel=_QUANTIZE,
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs of fine-tuning.", rich_help_panel=_QUANTIZE)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Of fine-tuning.", rich_help_panel=_QUANTIZE)
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Of fine-tuning.", rich_help_panel=_QUANTIZE)
    ] = None,
    loss: Annotated[
        QatLoss | None, typer.Option(help="What it minimises.", rich_help_panel=_QUANTIZE)
    ] = None,
    training_size: Annotated[
        str | None,
        typer.Option(help="Images to fine-tune on, or all.", rich_help_panel=_QUANTIZE),
    ] = None,
    evaluation_size: Annotated[
        str | None,
        typer.Option(help="Images accuracy is measured on, or all.", rich_help_panel=_MEASURE),
    ] = None,
    threads: Annotated[
        list[str] | None,
        typer.Option(
            help="Thread counts latency is measured at; repeat it or separate them by commas.",
            rich_help_panel=_MEASURE,
        ),
    ] = None,
    invocations: Annotated[
        int | None,
        typer.Option(help="Timed invocations of each measurement.", rich_help_panel=_MEASURE),
    ] = None,
    remeasure: Annotated[
        bool,
        typer.Option(
            "--remeasure",
            help="Take every latency anew, for example because the machine was busy; earlier "
            "runs keep theirs.",
            rich_help_panel=_MEASURE,
        ),
    ] = False,
    time_now: Annotated[
        bool,
        typer.Option(
            "--time-now",
            help="Time the files without waiting for a quiet CPU; what is disturbed is marked.",
            rich_help_panel=_MEASURE,
        ),
    ] = False,
    layers: Annotated[
        bool,
        typer.Option(
            "--layers",
            help="Measure which blocks and layers lose accuracy in int8; `effq layers RUN` shows "
            "it.",
            rich_help_panel=_LAYERS,
        ),
    ] = False,
    layer_images: Annotated[
        int | None,
        typer.Option(help="Photos each measure of layers looks at.", rich_help_panel=_LAYERS),
    ] = None,
    layer_budget: Annotated[
        int | None,
        typer.Option(
            help="Seconds after which no further block or layer is tried.", rich_help_panel=_LAYERS
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            help="Blocks or layers int8_mixed keeps in floats, such as block1a,head; repeat it or "
            "separate them by commas. Without, the fewest that hold the limits are looked for.",
            rich_help_panel=_LAYERS,
        ),
    ] = None,
    keep_precision: Annotated[
        Precision | None,
        typer.Option(help="What their kernels are stored in.", rich_help_panel=_LAYERS),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            help="Top-1 int8_mixed may lose against float32, in percentage points.",
            rich_help_panel=_LAYERS,
        ),
    ] = None,
    max_extra_size: Annotated[
        float | None,
        typer.Option(
            help="How much larger than int8 it may be, in per cent.", rich_help_panel=_LAYERS
        ),
    ] = None,
    max_latency_ratio: Annotated[
        float | None,
        typer.Option(
            help="How many times int8's time it may take, on one thread.", rich_help_panel=_LAYERS
        ),
    ] = None,
    search_budget: Annotated[
        int | None,
        typer.Option(
            help="Seconds after which no further set of blocks is tried.", rich_help_panel=_LAYERS
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of every random choice.", rich_help_panel=_MEASURE)
    ] = None,
    name: Annotated[str, typer.Option(help="What to call the run.")] = "",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only say what it would take: stages, time and disk. Starts nothing."
        ),
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Run in the background; print the run's id and return.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress, only the results.")
    ] = False,
) -> None:
    """Run an experiment: quantize a model and measure every variant.

    Without options: the bundled model on the built-in photos, a few minutes. Whatever an earlier
    run has made already is reused. Ctrl-C cancels; `effq resume` continues where it stopped.
    """
    from effq_core.cli import choices, output, work

    values: dict[str, Any] = {
        "model": model,
        "dataset": choices.parse_data(data, one_down=one_level_down),
        "image_size": image_size,
        "variants": choices.parse_variants(variant),
        "training_size": choices.parse_size(training_size, "training"),
        "evaluation_size": choices.parse_size(evaluation_size, "evaluation"),
        "threads": choices.parse_threads(threads),
        "benchmark_invocations": invocations,
        "seed": seed,
    }
    groups: choices.Groups = {
        "experiment": values,
        "calibration": {
            "size": calibration_size,
            "method": calibration_method,
            "percentile": percentile,
        },
        "qat": {
            "epochs": epochs,
            "learning_rate": learning_rate,
            "batch_size": batch_size,
            "loss": loss,
        },
        "layers": {"images": layer_images, "budget_seconds": layer_budget},
        "mixed": {
            "keep": choices.parse_names(keep),
            "precision": keep_precision,
            "max_drop_points": max_drop,
            "max_extra_size": max_extra_size,
            "max_latency_ratio": max_latency_ratio,
            "budget_seconds": search_budget,
        },
    }
    experiment = choices.make_experiment(preset, looks=layers, **groups)
    choices.refuse_unused([experiment], groups)
    if calibration_size is None:
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
