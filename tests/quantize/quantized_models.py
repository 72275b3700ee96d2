"""Models in all their forms, each made at first use, and reporters that listen."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from effq_core.base.errors import Cancelled
from effq_core.base.reporting import SilentReporter
from effq_core.models.families.family import FAMILIES
from effq_core.quantize.calibration import ActivationStatistics, collect_statistics
from effq_core.quantize.convert import convert, quantize_with_ranges
from effq_core.quantize.dynamic import dynamic_kernels
from effq_core.quantize.finetune import observe_ranges
from effq_core.quantize.freeze import freeze
from effq_core.quantize.qat_scheme import insert_fake_quant
from effq_core.runtimes.file_report import FileReport
from effq_core.runtimes.registry import inspect_file
from effq_core.tflite.hybrid import with_hybrid_kernels

import tf_keras as keras

SILENT = SilentReporter()


class Quantized:
    """A float model and what becomes of it; nothing is made twice.

    Args:
        model: A flat Keras model.
        images: uint8 ``(n, side, side, 3)``, which calibrate.
        folder: Where files go.
    """

    def __init__(self, model: Any, images: np.ndarray, folder: Path) -> None:
        self.model, self.images, self.folder = model, images, folder

    @cached_property
    def frozen(self) -> Path:
        self.float_counts = freeze(self.model, self.folder / "float")
        return self.folder / "float"

    def file(self, form: str) -> Path:
        """Returns the ``.tflite`` file of a form: a float one, ``int8`` or ``qat``."""
        path = self.folder / f"{form}.tflite"
        if not path.is_file():
            if form == "int8":
                ranges = self.statistics.ranges("min_max", 100)
                content = quantize_with_ranges(self.file("float32").read_bytes(), ranges)
            elif form == "dynamic_range":
                content = self.file("float32").read_bytes()
                chosen = dynamic_kernels(content, 8, SILENT).items()
                kernels = {name: choice.kernel for name, choice in chosen}
                content = with_hybrid_kernels(content, kernels)
            else:
                content = convert(self.frozen_qat if form == "qat" else self.frozen, form)
            path.write_bytes(content)
        return path

    def report(self, form: str) -> FileReport:
        return inspect_file(self.file(form))

    @cached_property
    def statistics(self) -> ActivationStatistics:
        return collect_statistics(self.file("float32"), self.images, SILENT)

    @cached_property
    def fake(self) -> Any:
        """The model with fake-quant, its ranges observed."""
        lite = self.model.name == "efficientnet_lite0"
        fake = insert_fake_quant(self.model, LITE if lite else V2)
        observe_ranges(fake, self.images, SILENT)
        return fake

    @cached_property
    def frozen_qat(self) -> Path:
        self.qat_counts = freeze(self.fake, self.folder / "qat")
        return self.folder / "qat"


class Recorder:
    """Remembers what it is told, and cancels after some calls of ``progress``."""

    def __init__(self, cancel_after: int | None = None) -> None:
        self.cancel_after = cancel_after
        self.progressed: list[tuple[int, int]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        self.progressed.append((done, total))

    def event(self, kind: str, **values: Any) -> None:
        self.events.append((kind, values))

    def check_cancelled(self) -> None:
        if self.cancel_after is not None and len(self.progressed) >= self.cancel_after:
            raise Cancelled("Stop.")


LITE = FAMILIES["efficientnet_lite"].fake_quant
V2 = FAMILIES["efficientnetv2"].fake_quant


def small_net(classes: int = 4, side: int = 16, seed: int = 0) -> Any:
    """Every kind of layer EfficientNetV2 has, in one block with random weights."""
    layers = keras.layers
    image = keras.Input((side, side, 3), name="image")
    normalise = layers.DepthwiseConv2D(1, trainable=False, name="normalise")
    x = normalise(image)
    normalise.set_weights([np.full((1, 1, 3, 1), 1 / 128), np.full(3, -1.0)])
    x = layers.Conv2D(8, 3, 2, padding="same", use_bias=False, name="stem")(x)
    x = layers.BatchNormalization(name="stem_bn")(x)
    block = layers.Activation("swish", name="stem_activation")(x)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="dwconv")(block)
    x = layers.BatchNormalization(name="dwconv_bn")(x)
    x = layers.Activation("swish", name="dwconv_activation")(x)
    se = layers.GlobalAveragePooling2D(name="se_squeeze")(x)
    se = layers.Reshape((1, 1, 8), name="se_reshape")(se)
    se = layers.Conv2D(2, 1, activation="swish", name="se_reduce")(se)
    se = layers.Conv2D(8, 1, activation="sigmoid", name="se_expand")(se)
    x = layers.Multiply(name="se_excite")([x, se])
    x = layers.Conv2D(8, 1, use_bias=False, name="project")(x)
    x = layers.BatchNormalization(name="project_bn")(x)
    x = layers.Add(name="add")([x, block])
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dropout(0.2, name="top_dropout")(x)
    x = layers.Dense(classes, activation="softmax", name="predictions")(x)
    model = keras.Model(image, x, name="small")
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            ends = ((0.5, 1.5), (-0.3, 0.3), (-0.3, 0.3), (0.5, 1.5))
            layer.set_weights([rng.uniform(*pair, 8) for pair in ends])
        elif layer.weights and layer is not normalise:
            layer.set_weights([rng.normal(0, 0.4, w.shape) for w in layer.weights])
    return model
