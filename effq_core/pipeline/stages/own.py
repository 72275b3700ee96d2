"""Stages of what was added: a model, which imports TensorFlow, and a file."""

import hashlib
import json
from typing import Any, NoReturn

from effq_core.base.errors import StageError
from effq_core.base.settings import REFERENCE_RUN
from effq_core.models.card import Normalisation
from effq_core.models.catalogue import CONFIG, get_model
from effq_core.models.file_input import Answers, Feeding, write_answers
from effq_core.models.own.card import get_own
from effq_core.models.own.ready import get_ready
from effq_core.photos.image_input import ImageInput
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import LITERT, TENSORFLOW, stage
from effq_core.pipeline.stages.model import build_float_model
from effq_core.store.manifest import LABELS_FILE, MODEL_FILE


@stage("own:float_model", kind="model", title="Build the float model", libraries=TENSORFLOW)
def float_model(context: StageContext) -> dict[str, Any]:
    """Builds the float model from what is kept of a checked file.

    Params: ``model``, ``weights``, ``use``, ``class_names`` and what it takes of a photo. Input
    ``training`` for a new head.
    """
    from effq_core.models.build import open_own

    params = context.params
    card = get_own(params["model"], context.home)
    if card.weights.sha256 != params["weights"]:
        message = f"{card.title} was replaced since this run was planned."
        raise StageError(message, "Start the run again.")
    summary = build_float_model(context, card, lambda: open_own(card))
    file = {"name": card.file_name, "sha256": card.file_sha256, "format": card.file_format}
    entry = ImageInput.from_plain(params).to_plain()
    return {**summary, **entry, "file": file, "notes": list(card.notes)}


# Version 2: what a quantized input holds of each pixel is rounded otherwise than in 1.
@stage("own:ready_file", kind="convert", title="Convert", version=2, libraries=LITERT)
def ready_file(context: StageContext) -> dict[str, Any]:
    """Takes an added ``.tflite`` file as it is.

    Params: ``variant``, ``sha256``, ``preprocessing`` (``None``: it takes RGB 0-255); ``softmax``
    where its outputs are scores, ``answers`` where they are not one a class.
    """
    params = context.params
    file = get_ready(params["variant"], context.home)
    if file.sha256 != params["sha256"]:
        message = f"{file.title} was replaced since this run was planned."
        raise StageError(message, "Start the run again.")
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


@stage("kept:gone", title="Reuse from another run")
def gone(context: StageContext) -> NoReturn:
    """Says that an artifact which is only ever taken over is no longer there."""
    raise StageError(
        f"{context.out.parent.name} of the run whose files are measured was deleted meanwhile.",
        "Run that experiment again, then measure its files.",
    )


@stage("kept:reference_model", kind="model", title="Build the float model")
def reference_model(context: StageContext) -> dict[str, Any]:
    """Takes over what is known of the reference run's model. Params: ``model``."""
    told: dict[str, Any] = context.params["model"]
    labels = [{"name": e.name, "wnid": e.wnid} for e in get_model(told["model"]).head_labels]
    config = {"model": told["model"], "image_size": told["image_size"], "labels": labels}
    (context.out / CONFIG).write_text(json.dumps(config), encoding="utf-8")
    return told


@stage("kept:reference_file", kind="convert", title="Convert")
def reference_file(context: StageContext) -> dict[str, Any]:
    """Copies one of the reference run's files. Params: ``folder``, ``sha256``, ``told``."""
    folder = REFERENCE_RUN / context.params["folder"]
    content = (folder / MODEL_FILE).read_bytes()
    if hashlib.sha256(content).hexdigest() != context.params["sha256"]:
        message = f"{folder / MODEL_FILE} is not the file that was measured."
        raise StageError(message, "Reinstall EffQ.")
    (context.out / MODEL_FILE).write_bytes(content)
    (context.out / LABELS_FILE).write_bytes((folder / LABELS_FILE).read_bytes())
    told: dict[str, Any] = context.params["told"]
    return told


@stage("kept:reference_training", kind="finetune", title="Fine-tune")
def reference_training(context: StageContext) -> dict[str, Any]:
    """Takes over what is known of a fine-tuning. Params: ``told``."""
    told: dict[str, Any] = context.params["told"]
    return told
