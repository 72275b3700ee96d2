"""``effq models add`` and ``effq models remove``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from effq_core.cli.show import AsJson


def register(app: typer.Typer) -> None:
    """Adds the commands to ``effq models``."""
    app.command("add")(add)
    app.command("remove")(remove)


def add(
    file: Annotated[
        Path,
        typer.Argument(help="A .keras, .h5 or .tflite file, or a zipped SavedModel."),
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
    name: Annotated[str, typer.Option(help="What to call it; else the file's name.")] = "",
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
    from effq_core.base.errors import ModelError
    from effq_core.base.settings import Home
    from effq_core.cli import output
    from effq_core.intake.adding import Offer, check, name_of_file
    from effq_core.intake.keeping import keep
    from effq_core.intake.steps import Step, StepState
    from effq_core.models.own.labels import KNOWN_SETS, parse_labels
    from effq_core.models.own.preprocessing import Preprocessing
    from effq_core.models.own.ready import ReadyFile
    from effq_core.photos.image_input import Resize

    if not file.is_file():
        raise ModelError(f"There is no file {file}.", "Check the path.")
    try:
        chosen = Preprocessing(preprocessing)
    except ValueError:
        raise ModelError(
            f"There is no preprocessing {preprocessing!r}.",
            f"Choose from: {', '.join(Preprocessing)}.",
        ) from None
    if resize not in list(Resize):
        raise ModelError(f"There is no resize {resize!r}.", f"Choose from: {', '.join(Resize)}.")
    if labels not in KNOWN_SETS and not Path(labels).is_file():
        raise ModelError(f"There is no file of labels {labels}.", "Check the path.")
    given = labels if labels in KNOWN_SETS else Path(labels).read_bytes()
    offer = Offer(file.name, parse_labels(given), chosen, image_size, Resize(resize))
    told: set[str] = set()

    def tell(found: tuple[Step, ...]) -> None:
        for step in found:
            if step.state is not StepState.RUNNING and step.title not in told:
                told.add(step.title)
                mark = {StepState.DONE: "ok  ", StepState.WARNING: "note"}.get(step.state, "FAIL")
                output.say(f"{mark}  {step.title}: {step.detail}", error=True)

    home = Home.from_environment()
    checked = check(home, file, offer, on_steps=tell)
    card = keep(home, checked, name or name_of_file(file.name), replace=replace)
    ready = isinstance(card, ReadyFile)
    identifier = card.variant if isinstance(card, ReadyFile) else card.id
    if json:
        output.print_json({"id": identifier, **checked.report})
        return
    made = output.table("Sample photo", "The model's answers")
    for row in checked.answers:
        best = ", ".join(f"{label} {checked.shown(share)}" for label, share in row["top"])
        made.add_row(output.safe(row["photo"]), output.safe(best))
    output.stdout().print(made)
    use = f"--variant standard,{identifier}" if ready else f"--model {identifier}"
    output.say(f"\n{card.title} is there. `effq run {use}` uses it.")


def remove(
    model: Annotated[
        str, typer.Argument(help="Its identifier: own: and its name, or file_ and its name.")
    ],
) -> None:
    """Remove a model of your own; what runs found with it stays."""
    from effq_core.base.settings import Home
    from effq_core.care.library import remove_item
    from effq_core.cli import output
    from effq_core.experiment.variants import is_ready
    from effq_core.models.own.card import PREFIX
    from effq_core.store.database import Database

    home = Home.from_environment()
    model_id = model if model.startswith(PREFIX) or is_ready(model) else f"{PREFIX}{model}"
    database = Database(home.database)
    try:
        remove_item(home, database, model_id)
    finally:
        database.close()
    output.say(f"{model_id} was removed.")
