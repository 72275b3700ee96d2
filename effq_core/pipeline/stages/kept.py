"""Stages of files that were made before: an earlier run's, and the bundled reference run's."""

import hashlib
import json
from typing import Any, NoReturn

from effq_core.base.errors import StageError
from effq_core.base.settings import REFERENCE_RUN
from effq_core.models.built import CONFIG
from effq_core.models.catalogue import get_model
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import stage
from effq_core.store.stage_files import LABELS_FILE, MODEL_FILE


@stage("kept:gone", title="Take over from another run")
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
        raise StageError(
            f"{folder / MODEL_FILE} is not the file that was measured.", "Install EffQ anew."
        )
    (context.out / MODEL_FILE).write_bytes(content)
    (context.out / LABELS_FILE).write_bytes((folder / LABELS_FILE).read_bytes())
    told: dict[str, Any] = context.params["told"]
    return told


@stage("kept:reference_training", kind="finetune", title="Fine-tune")
def reference_training(context: StageContext) -> dict[str, Any]:
    """Takes over what is known of a fine-tuning. Params: ``told``."""
    told: dict[str, Any] = context.params["told"]
    return told
