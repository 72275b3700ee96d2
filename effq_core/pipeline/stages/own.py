"""Stages of what somebody brought: a model, which imports TensorFlow, and a file."""

from typing import Any

from effq_core.base.errors import StageError
from effq_core.models.card import Normalisation
from effq_core.models.file_input import Feeding
from effq_core.models.file_outputs import Answers, write_answers
from effq_core.models.own.card import get_own
from effq_core.models.own.ready import get_ready
from effq_core.photos.image_input import ImageInput
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import LITERT, TENSORFLOW, stage
from effq_core.pipeline.stages.model import build_float_model
from effq_core.store.stage_files import LABELS_FILE, MODEL_FILE


@stage("own:float_model", kind="model", title="Build the float model", libraries=TENSORFLOW)
def float_model(context: StageContext) -> dict[str, Any]:
    """Builds the float model from what is kept of a checked file.

    Params: ``model``, ``weights``, ``use``, ``class_names`` and what it takes of a photo. Input
    ``training`` for a new head.
    """
    from effq_core.models.own.stored import open_own

    params = context.params
    card = get_own(params["model"], context.home)
    if card.weights.sha256 != params["weights"]:
        raise StageError(
            f"{card.title} was replaced since this run was planned.", "Start the run again."
        )
    summary = build_float_model(context, card, lambda: open_own(card))
    file = {"name": card.file_name, "sha256": card.file_sha256, "format": card.file_format}
    entry = ImageInput.from_plain(params).to_plain()
    return {**summary, **entry, "file": file, "notes": list(card.notes)}


# Version 2: what a quantized input holds of each pixel is rounded otherwise than in 1.
@stage("own:ready_file", kind="convert", title="Convert", version=2, libraries=LITERT)
def ready_file(context: StageContext) -> dict[str, Any]:
    """Takes a ``.tflite`` file somebody brought as it is.

    Params: ``variant``, ``sha256``, ``preprocessing`` (``None``: it takes RGB 0-255); ``softmax``
    where its outputs are scores, ``answers`` where they are not one a class.
    """
    params = context.params
    file = get_ready(params["variant"], context.home)
    if file.sha256 != params["sha256"]:
        raise StageError(
            f"{file.title} was replaced since this run was planned.", "Start the run again."
        )
    content = file.read()
    (context.out / MODEL_FILE).write_bytes(content)
    text = "".join(f"{label.name}\n" for label in file.labels)
    (context.out / LABELS_FILE).write_text(text, encoding="utf-8")
    given = params["preprocessing"]
    feeding = Feeding.of(
        Normalisation.from_plain(given) if given else None,
        file.image_input.channels,
        softmax=params.get("softmax", False),
    )
    if feeding.is_needed:
        feeding.write(context.out / MODEL_FILE)
    write_answers(context.out / MODEL_FILE, Answers(**params.get("answers", {})))
    return {
        "form": "ready",
        "bytes": len(content),
        "title": file.title,
        "preprocessing": file.preprocessing.value,
    }
