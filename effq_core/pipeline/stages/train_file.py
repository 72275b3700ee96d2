"""Stages that train an integer file; planners import this, so only functions import TensorFlow."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base.reporting import PreparingReporter, Reporter
from effq_core.experiment import Qat, QatLoss
from effq_core.models.weights import load_weights, read_weights, write_weights
from effq_core.photos.pixels import read_pixels
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import LITERT, TENSORFLOW, stage
from effq_core.pipeline.stages.model import GATE_IMAGES, fresh_keras, kept, labels_of
from effq_core.pipeline.stages.quantize import write_file
from effq_core.quantize.file_values import product_floats, trained_integers
from effq_core.quantize.trunk import run_trunk
from effq_core.runtimes.model import ModelPool
from effq_core.store.manifest import HISTORY_FILE, KERAS_FILE, MODEL_FILE, WEIGHTS_FILE
from effq_core.tflite.cutting import first_operator
from effq_core.tflite.matrices import with_integers
from effq_core.tflite.recipe import RECIPE_FILE


@stage("train_file:train", kind="finetune", title="Fine-tune", libraries=(*TENSORFLOW, *LITERT))
def train(context: StageContext) -> dict[str, Any]:
    """Trains input ``file`` on its own grids; the best epoch counts, the untrained file included.

    Params: ``qat``, ``seed``, ``class_map``, ``train_from``. Inputs ``float32``, which teaches, and
    ``training``. What enters the trained part is computed once.
    """
    from effq_core.quantize.file_network import file_network
    from effq_core.quantize.finetune import FineTuning

    params, before = context.params, PreparingReporter(context)
    settings = Qat(**params["qat"])
    images, items = read_pixels(context.inputs["training"])
    classes = None
    if all(item.label is not None for item in items):
        classes = labels_of(items, params["class_map"])
    from_labels = settings.loss is QatLoss.LABELS and classes is not None
    teacher = model_file(context, "float32")
    answers = kept(
        context, "teacher", lambda to: np.save(to, ModelPool(teacher).predict_many(images, before))
    )
    truth = answers.argmax(axis=1) if classes is None else classes
    file = model_file(context, "file").read_bytes()
    first = first_operator(file, params["train_from"])
    with fresh_keras(params["seed"]):
        network = file_network(file, product_floats(file, teacher.read_bytes()), first=first)
        history, best = FineTuning(
            network,
            images=_entering(context, file, first, images, before),
            targets=truth if from_labels else answers,
            truth=truth,
            settings=settings,
            seed=params["seed"],
            folder=context.scratch / "epochs",
            reporter=context,
            keeps_start=True,
        ).run()
        write_weights(network, context.out / WEIGHTS_FILE)
    curve = [asdict(epoch) for epoch in history]
    (context.out / HISTORY_FILE).write_text(json.dumps(curve), encoding="utf-8")
    return {
        "history": curve,
        "best_epoch": best.epoch,
        "loss": (QatLoss.LABELS if from_labels else QatLoss.DISTILL).value,
        "images": len(images) - best.n,
        "seed": params["seed"],
        "train_from": params["train_from"],
        "validated_against": "labels" if classes is not None else "the float model's answers",
    }


@stage("train_file:write", kind="convert", title="Convert", libraries=LITERT)
def write(context: StageContext) -> dict[str, Any]:
    """Writes what input ``weights`` holds, as integers, into input ``file``. Input ``model``."""
    file = model_file(context, "file").read_bytes()
    weights = read_weights(context.inputs["weights"] / WEIGHTS_FILE)
    integers = trained_integers(file, weights)
    recipe = context.inputs["file"] / RECIPE_FILE
    if recipe.is_file():  # training keeps the bits of every layer
        shutil.copy(recipe, context.out / RECIPE_FILE)
    # Its scales, and what training began with, are those of the rule that rounded the file.
    rule = context.summaries["file"]["rule"]
    return write_file(
        context, with_integers(file, integers), form="trained", rule=rule, constants=len(integers)
    )


@stage(
    "train_file:predict",
    kind="keras",
    title="Check the conversion against Keras",
    libraries=TENSORFLOW,
)
def predict(context: StageContext) -> dict[str, Any]:
    """Predicts with the network that was trained, before it was written as a file."""
    from effq_core.quantize.file_network import file_network
    from effq_core.quantize.finetune import predict as predict_many

    path = context.inputs["weights"] / WEIGHTS_FILE
    with fresh_keras():
        file, float32 = (model_file(context, role).read_bytes() for role in ("file", "float32"))
        network = file_network(file, product_floats(file, float32))
        weights = read_weights(path)
        untrained = {layer.name for layer in network.layers} - weights.keys()
        load_weights(network, weights, str(path), skip=frozenset(untrained))
        images = read_pixels(context.inputs["evaluation"])[0][:GATE_IMAGES]
        np.save(context.out / KERAS_FILE, predict_many(network, images, context))
    return {"n": len(images)}


def model_file(context: StageContext, role: str) -> Path:
    """Returns the path of an input's file."""
    return context.inputs[role] / MODEL_FILE


def _entering(
    context: StageContext, file: bytes, first: int, images: Any, reporter: Reporter
) -> Any:
    """Returns what enters the trained part, int8 ``(n, …)`` in a file; images, if that is all."""
    if first == 0:
        return images
    return kept(context, "entering", lambda to: run_trunk(file, first, images, to, reporter))
