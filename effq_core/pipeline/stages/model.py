"""Stages over Keras models; planners import this, so only its functions import TensorFlow."""

import ctypes
import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base.reporting import PreparingReporter, Reporter
from effq_core.experiment import Qat, QatLoss
from effq_core.models.card import Label, ModelCard
from effq_core.models.catalogue import get_model, read_family
from effq_core.models.classes import HeadUse
from effq_core.models.weights import load_weights, read_weights, write_weights
from effq_core.photos.index import ImageItem
from effq_core.photos.pixels import read_pixels
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import QAT, TENSORFLOW, stage
from effq_core.store.manifest import FROZEN, HISTORY_FILE, KERAS_FILE, WEIGHTS_FILE

GATE_IMAGES = 500  # evaluation images on which slow Keras is compared


_Array = np.ndarray[Any, Any]


@contextmanager
def fresh_keras(seed: int = 0) -> Iterator[None]:
    """Gives a stage a clean Keras and returns its memory: the worker lives on."""
    from effq_core.base.tensorflow import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        keras.backend.clear_session()
        gc.collect()
        _return_memory()


def _return_memory() -> None:
    """Gives freed memory, which the worker's malloc settings keep, back to the system."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc has it, others do not
        trim(0)


@stage("model:float_model", kind="model", title="Build the float model", libraries=TENSORFLOW)
def float_model(context: StageContext) -> dict[str, Any]:
    """Builds the float model, with a new head (input ``training``) where the classes are new."""
    from effq_core.models.build import build_model

    params = context.params
    card = get_model(params["model"])
    return build_float_model(
        context,
        card,
        lambda: build_model(card, context.home, context, image_size=params["image_size"]),
    )


def build_float_model(
    context: StageContext, card: ModelCard, build: Callable[[], Any]
) -> dict[str, Any]:
    """Builds a float model, gives it a new head where the classes are new, and keeps it."""
    from effq_core.models.build import save_model
    from effq_core.models.head import feature_model, train_head

    params = context.params
    with fresh_keras():
        model = build()
        labels, head = card.head_labels, None
        if params["use"] == HeadUse.NEW:
            images, items = read_pixels(context.inputs["training"])
            features = _cached(context, "features", feature_model(model), images, context)
            names = params["class_names"]
            model, report = train_head(model, card, features, labels_of(items), classes=len(names))
            labels, head = tuple(Label(name) for name in names), asdict(report)
        save_model(model, card, labels, context.out)
        return {
            "model": card.id,
            "title": card.title,
            "licence": card.licence,
            "source": card.source,
            "image_size": params["image_size"],
            "parameters": int(model.count_params()),
            "head": head,
        }


@stage("model:freeze_model", kind="freeze", title="Freeze the graph", libraries=TENSORFLOW)
def freeze_model(context: StageContext) -> dict[str, Any]:
    """Freezes the float model of input ``model``; with input ``weights``, fine-tuned ones."""
    from effq_core.quantize.freeze import freeze

    with fresh_keras():
        model = _model(context)
        if "weights" in context.inputs:
            _load(model, context.inputs["weights"])
        return freeze(model, context.out / FROZEN)


@stage("model:qat_untrained", kind="ranges", title="Calibrate fake-quant ranges", libraries=QAT)
def qat_untrained(context: StageContext) -> dict[str, Any]:
    """Inserts fake-quant and sets its ranges from input ``calibration``; trains nothing."""
    from effq_core.quantize.finetune import observe_ranges
    from effq_core.quantize.freeze import freeze

    with fresh_keras():
        fake = _with_fake_quant(_model(context), context)
        observe_ranges(fake, read_pixels(context.inputs["calibration"])[0], context)
        return {"fake_quant": freeze(fake, context.out / FROZEN)}


@stage("model:finetune", title="Fine-tune", libraries=QAT)
def finetune(context: StageContext) -> dict[str, Any]:
    """Fine-tunes, with fake-quant (``fake_quant`` true) or as the float control.

    Params: ``fake_quant``, ``qat``, ``seed``, ``use``, ``class_map``. Inputs: ``model``,
    ``training`` and, with fake-quant, ``calibration``.
    """
    from effq_core.quantize.finetune import FineTuning, observe_ranges, resolve_loss
    from effq_core.quantize.freeze import freeze

    params = context.params
    settings = Qat(**params["qat"])
    with fresh_keras(params["seed"]):
        teacher = _model(context)
        images, items = read_pixels(context.inputs["training"])
        labelled = all(item.label is not None for item in items)
        whole_head = params["use"] in (HeadUse.WHOLE, HeadUse.NEW)
        loss = resolve_loss(settings.loss, labelled=labelled, whole_head=whole_head)
        classes = labels_of(items, params["class_map"]) if labelled else None
        before = PreparingReporter(context)
        if loss is QatLoss.DISTILL or classes is None:
            targets = _cached(context, "teacher", teacher, images, before)
            truth = targets.argmax(axis=1) if classes is None else classes
        else:
            targets = truth = classes
        student = teacher
        if params["fake_quant"]:
            student = _with_fake_quant(teacher, context)
            calibration = read_pixels(context.inputs["calibration"])[0]
            observe_ranges(student, calibration, before)
        gc.collect()
        _return_memory()  # what the teacher and the rewriting of the graph took
        history, best = FineTuning(
            student,
            images=images,
            targets=targets,
            truth=truth,
            settings=settings,
            seed=params["seed"],
            folder=context.scratch / "epochs",
            reporter=context,
        ).run()
        if best.validation_top1 < history[0].validation_top1:
            context.event(
                "warning",
                message="Fine-tuning lowered accuracy on held-out training photos from "
                f"{history[0].validation_top1:.3f} to {best.validation_top1:.3f}.",
            )
        write_weights(student, context.out / WEIGHTS_FILE)
        curve = [asdict(epoch) for epoch in history]
        (context.out / HISTORY_FILE).write_text(json.dumps(curve), encoding="utf-8")
        summary: dict[str, Any] = {
            "history": curve,
            "best_epoch": best.epoch,
            "loss": loss.value,
            "images": len(images) - best.n,
            "seed": params["seed"],
            "validated_against": "labels" if labelled else "the float model's answers",
        }
        if params["fake_quant"]:
            summary["fake_quant"] = freeze(student, context.out / FROZEN)
        return summary


@stage(
    "model:keras_predict",
    kind="keras",
    title="Check the conversion against Keras",
    libraries=TENSORFLOW,
)
def keras_predict(context: StageContext) -> dict[str, Any]:
    """Predicts with Keras, for the parity gate; ``weights`` are given with ``fake_quant``."""
    from effq_core.models.own.graph import GraphModel
    from effq_core.quantize.finetune import predict

    with fresh_keras():
        model = _model(context)
        if context.params["fake_quant"]:
            model = _with_fake_quant(model, context)
            _load(model, context.inputs["weights"])
        images = read_pixels(context.inputs["evaluation"])[0][:GATE_IMAGES]
        graph = isinstance(model, GraphModel)
        answers = model.predict_many(images, context) if graph else predict(model, images, context)
        np.save(context.out / KERAS_FILE, answers)
        return {"n": len(images)}


def _with_fake_quant(model: Any, context: StageContext) -> Any:
    from effq_core.quantize.qat_scheme import insert_fake_quant

    return insert_fake_quant(model, read_family(context.inputs["model"]).fake_quant)


def _model(context: StageContext) -> Any:
    from effq_core.models.build import load_model

    return load_model(context.inputs["model"])[0]


def _load(model: Any, folder: Path) -> None:
    load_weights(model, read_weights(folder / WEIGHTS_FILE), str(folder), skip=frozenset())


def labels_of(items: list[ImageItem], class_map: list[int] | None = None) -> _Array:
    """Returns the class of each photo; of the model's, where a map to them is given."""
    labels = np.array([item.label for item in items], np.int64)
    return np.asarray(class_map, np.int64)[labels] if class_map else labels


def _cached(
    context: StageContext, name: str, model: Any, images: _Array, reporter: Reporter
) -> _Array:
    from effq_core.quantize.finetune import predict

    return kept(context, name, lambda path: np.save(path, predict(model, images, reporter)))


def kept(context: StageContext, name: str, make: Callable[[Path], None]) -> _Array:
    """Makes an ``.npy`` file once, and maps it; a resumed stage finds what it had.

    Args:
        make: Writes the file.
    """
    path = context.scratch / f"{name}.npy"
    if path.is_file():
        try:
            found: _Array = np.load(path, mmap_mode="r")
        except (OSError, ValueError, EOFError):
            context.event("warning", message=f"{path.name} was damaged, so it is made again.")
        else:
            return found
    context.scratch.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp.npy")
    make(temporary)
    temporary.replace(path)
    loaded: _Array = np.load(path, mmap_mode="r")
    return loaded
