"""A small EfficientNetV2 with one block that int8 cannot stand, and what is made of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from effq_core.base.reporting import SilentReporter
from effq_core.quantize.calibration import Ranges, collect_statistics
from effq_core.quantize.convert import convert, quantize_with_ranges
from effq_core.quantize.freeze import freeze

import tf_keras as keras
from tf_keras.src.applications.efficientnet_v2 import EfficientNetV2

SIDE = 32
BAD = "block3a"
FACTOR = 1000.0

# kernel, repeats, widths, expansion, SE share, stride, 0 for MBConv or 1 for Fused-MBConv.
_STAGES = (
    (3, 1, 8, 8, 1, 0.0, 1, 1),
    (3, 1, 8, 16, 4, 0.0, 2, 1),
    (3, 1, 16, 24, 4, 0.25, 2, 0),
    (3, 2, 24, 24, 4, 0.25, 1, 0),
)
_NAMES = (
    *("kernel_size", "num_repeat", "input_filters", "output_filters", "expand_ratio"),
    *("se_ratio", "strides", "conv_type"),
)


def planted_net(*, classes: int = 8, seed: int = 0, factor: float = FACTOR) -> Any:
    """Builds the network; a factor of 1 leaves it as it was drawn.

    One channel between the expansion of :data:`BAD` and its depthwise convolution is larger by
    the factor: what makes it is scaled up and the one kernel that reads it is scaled down. ReLU
    hands a factor through, so in floats the function is the same.
    """
    image = keras.Input((SIDE, SIDE, 3), name="image")
    normalise = keras.layers.DepthwiseConv2D(1, trainable=False, name="normalise")
    x = normalise(image)
    normalise.set_weights([np.full((1, 1, 3, 1), 1 / 64), np.full(3, -2.0)])
    net = EfficientNetV2(
        width_coefficient=1.0,
        depth_coefficient=1.0,
        default_size=SIDE,
        min_depth=8,
        activation="relu",
        blocks_args=[dict(zip(_NAMES, stage, strict=True)) for stage in _STAGES],
        weights=None,
        input_tensor=x,
        classes=classes,
        include_preprocessing=False,
    )
    rng = np.random.default_rng(seed)
    for layer in net.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.get_weights()[0].size
            ends = ((0.8, 1.4), (-0.2, 0.4), (-0.2, 0.2), (0.3, 0.8))
            layer.set_weights([rng.uniform(*pair, size) for pair in ends])
        elif layer.weights and layer is not normalise:
            shapes = [weights.shape for weights in layer.get_weights()]
            # He's scale; the head's is larger, so that answers are of different certainty.
            spread = 12.0 if layer.name == "predictions" else 2.0
            layer.set_weights(
                [rng.normal(0, np.sqrt(spread / max(1, np.prod(s[:-1]))), s) for s in shapes]
            )
    _plant(net, factor)
    return net


def _plant(net: Any, factor: float) -> None:
    bn, reader = net.get_layer(f"{BAD}_expand_bn"), net.get_layer(f"{BAD}_dwconv2")
    gamma, beta, mean, variance = bn.get_weights()
    # A channel that is busy: the one of the largest mean after ReLU.
    channel = int(np.argmax(beta + gamma))
    gamma[channel] *= factor
    beta[channel] *= factor
    bn.set_weights([gamma, beta, mean, variance])
    kernel, *rest = reader.get_weights()
    kernel[:, :, channel] /= factor
    reader.set_weights([kernel, *rest])


@dataclass(frozen=True)
class Made:
    """The files of a planted network.

    Attributes:
        net: The Keras model.
        float32: Its float32 file.
        int8: Its int8 file, of method min-max.
        ranges: What int8 was made by.
    """

    net: Any
    float32: Path
    int8: Path
    ranges: Ranges


def make(net: Any, images: np.ndarray, folder: Path) -> Made:
    """Converts and calibrates a network."""
    freeze(net, folder / "saved")
    float32, int8 = folder / "float32.tflite", folder / "int8.tflite"
    float32.write_bytes(convert(folder / "saved", "float32"))
    statistics = collect_statistics(float32, images, SilentReporter())
    ranges = statistics.ranges("min_max", 100)
    int8.write_bytes(quantize_with_ranges(float32.read_bytes(), ranges))
    return Made(net, float32, int8, ranges)
