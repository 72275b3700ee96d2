"""Models: what there is, and adding to it. Public as ``effq_core.models``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effq_core.api.progress import OnProgress, Progress, Teller, shown
from effq_core.base.errors import ModelError
from effq_core.base.settings import Home
from effq_core.care.library import remove_item
from effq_core.experiment.variants import is_ready
from effq_core.intake.adding import Checked, Offer, OnSteps, check, name_of_file
from effq_core.intake.keeping import keep
from effq_core.intake.steps import Step, StepState
from effq_core.models.catalogue import MODELS, get_model
from effq_core.models.class_names import KNOWN_SETS, parse_labels
from effq_core.models.own.card import PREFIX, OwnCard, Preprocessing, own_models
from effq_core.models.own.ready import ReadyFile
from effq_core.models.weights import locate_weights
from effq_core.photos.image_input import Resize
from effq_core.store.database import Database

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Added:
    """A model, or a ready ``.tflite`` file, that was checked and kept."""

    id: str  # what an experiment names it by: a model, or a variant where the file is ready
    title: str
    is_ready: bool
    checked: Checked


def rows(home: Home) -> list[dict[str, Any]]:
    """Lists the models there are."""
    return [
        {
            "id": card.id,
            "title": card.title,
            **card.image_input.to_plain(),
            "classes": len(card.head_labels),
            "bundled": card.bundled,
            "own": isinstance(card, OwnCard),
            "present": card.is_present(home),
            "weights_bytes": card.weights.bytes,
            "licence": card.licence,
            "source": card.source,
            "summary": card.summary,
        }
        for card in (*MODELS.values(), *own_models(home))
    ]


def available() -> pd.DataFrame:
    """Lists the models there are, a row each; the index is what an experiment names it by."""
    from effq_core.api.runs import frame

    return frame(rows(Home.from_environment()), "id")


def download(model: str, *, progress: bool | OnProgress = True) -> None:
    """Downloads a model's weights now; otherwise its first run does.

    Args:
        model: Its id.
        progress: Whether to show a bar; or a function to call.

    Raises:
        ModelError: If there is no such model.
        DownloadError: If it cannot be downloaded.
        StoreError: If the disk is full or not writable.
    """
    with shown(progress) as tell:
        locate_weights(get_model(model), Home.from_environment(), Teller(tell))


def add(
    file: str | Path,
    *,
    labels: str | Path,
    preprocessing: str,
    name: str = "",
    image_size: int | None = None,
    resize: str = Resize.CROP,
    replace: bool = False,
    progress: bool | OnProgress = True,
) -> str:
    """Checks a model of your own in a process that may do nothing else, and keeps it.

    Args:
        file: A .keras, .h5 or .tflite file, or a zipped SavedModel.
        labels: A text file with one label a line; or ``imagenet``, or ``imagenette``.
        preprocessing: What it expects of RGB 0-255: ``raw``, ``zero_one``, ``minus_one_one``,
            ``imagenet``, ``caffe``, or ``inside``, where its own layers do it.
        name: Its name; by default the file's.
        image_size: Side of the input in pixels, where the file leaves it open.
        resize: How photos become squares: ``crop`` or ``stretch``.
        replace: Replace a model of that name.
        progress: Whether to show a bar; or a function to call.

    Returns:
        Its id: for ``Experiment(model=...)``, or of a ``.tflite`` file for ``variants``.

    Raises:
        ModelError: If it cannot be used; the message says why.
        StoreError: If it cannot be kept.
    """
    with shown(progress) as tell:

        def on_steps(steps: tuple[Step, ...]) -> None:
            ended = sum(step.state is not StepState.RUNNING for step in steps)
            share = ended / len(steps) if steps else 0.0
            tell(Progress(share=share, remaining=None, text=steps[-1].title if steps else ""))

        return check_and_keep(
            Home.from_environment(),
            Path(file),
            str(labels),
            preprocessing,
            name=name,
            image_size=image_size,
            resize=resize,
            replace=replace,
            on_steps=on_steps,
        ).id


def check_and_keep(
    home: Home,
    file: Path,
    labels: str,
    preprocessing: str,
    *,
    name: str,
    image_size: int | None,
    resize: str,
    replace: bool,
    on_steps: OnSteps,
) -> Added:
    """Does what :func:`add` says, and tells ``on_steps`` of the check."""
    if not file.is_file():
        raise ModelError(f"There is no file {file}.", "Check the path.")
    for kind, value, choices in (
        ("preprocessing", preprocessing, list(Preprocessing)),
        ("resize", resize, list(Resize)),
    ):
        if value not in choices:
            raise ModelError(
                f"There is no {kind} {value!r}.", f"Choose from: {', '.join(choices)}."
            )
    if labels not in KNOWN_SETS and not Path(labels).is_file():
        raise ModelError(f"There is no file of labels {labels}.", "Check the path.")
    given = parse_labels(labels if labels in KNOWN_SETS else Path(labels).read_bytes())
    offer = Offer(file.name, given, Preprocessing(preprocessing), image_size, Resize(resize))
    checked = check(home, file, offer, on_steps=on_steps)
    card = keep(home, checked, name or name_of_file(file.name), replace=replace)
    if isinstance(card, ReadyFile):
        return Added(card.variant, card.title, True, checked)
    return Added(card.id, card.title, False, checked)


def remove(model: str) -> str:
    """Removes a model of your own; what runs found with it stays.

    ``own:`` may be left out of its id; the whole id is returned.

    Raises:
        InputError: If it is not known, or a run is using it.
        StoreError: If it cannot be removed.
    """
    model_id = model if model.startswith(PREFIX) or is_ready(model) else f"{PREFIX}{model}"
    home = Home.from_environment()
    with Database(home.database) as database:
        remove_item(home, database, model_id)
    return model_id
