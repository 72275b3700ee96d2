"""``effq models add`` and ``effq models remove``."""

from pathlib import Path
from typing import Annotated

import typer

from effq_core.base.settings import Home
from effq_core.cli import output
from effq_core.cli.show import AsJson


def register(app: typer.Typer) -> None:
    """Adds the commands to ``effq models``."""
    app.command("add")(add)
    app.command("remove")(remove)


def add(
    file: Annotated[
        Path, typer.Argument(help="A .keras, .h5 or .tflite file, or a zipped SavedModel.")
    ],
    labels: Annotated[
        str,
        typer.Option(
            help="A text file with one label a line; or imagenet, or imagenette. For one sigmoid "
            "output two labels: first the one for 0, then the one for 1."
        ),
    ],
    preprocessing: Annotated[
        str,
        typer.Option(
            help="What the model expects of RGB 0-255: raw, zero_one, minus_one_one, imagenet, "
            "caffe, or inside, where its own layers do it."
        ),
    ],
    name: Annotated[str, typer.Option(help="Its name; by default the file's.")] = "",
    image_size: Annotated[
        int | None, typer.Option(help="Side of the input, pixels, where the file leaves it open.")
    ] = None,
    resize: Annotated[
        str,
        typer.Option(
            help="How photos become squares: crop (torchvision, Keras applications' evaluation) "
            "or stretch (Keras' image_dataset_from_directory)."
        ),
    ] = "crop",
    replace: Annotated[bool, typer.Option(help="Replace a model of that name.")] = False,
    json: AsJson = False,
) -> None:
    """Check a model of your own in a process that may do nothing else, and keep it."""
    from effq_core.api.models import check_and_keep
    from effq_core.intake.steps import Step, StepState

    told: set[str] = set()

    def tell(found: tuple[Step, ...]) -> None:
        for step in found:
            if step.state is not StepState.RUNNING and step.title not in told:
                told.add(step.title)
                mark = {StepState.DONE: "ok  ", StepState.WARNING: "note"}.get(step.state, "FAIL")
                output.say(f"{mark}  {step.title}: {step.detail}", error=True)

    added = check_and_keep(
        Home.from_environment(),
        file,
        labels,
        preprocessing,
        name=name,
        image_size=image_size,
        resize=resize,
        replace=replace,
        on_steps=tell,
    )
    checked = added.checked
    if json:
        output.print_json({"id": added.id, **checked.report})
        return
    made = output.table("Sample photo", "The model's answers")
    for row in checked.answers:
        best = ", ".join(f"{label} {checked.shown(share)}" for label, share in row["top"])
        made.add_row(output.safe(row["photo"]), output.safe(best))
    output.stdout().print(made)
    use = f"--variant standard,{added.id}" if added.is_ready else f"--model {added.id}"
    output.say(f"\n{added.title} is ready. `effq run {use}` uses it.")


def remove(
    model: Annotated[
        str, typer.Argument(help="Its identifier: own: and its name, or file_ and its name.")
    ],
) -> None:
    """Remove a model of your own; what runs found with it stays."""
    from effq_core.api import models

    output.say(f"{models.remove(model)} was removed.")
