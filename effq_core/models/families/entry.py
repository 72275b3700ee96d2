"""How EffQ's models begin: normalising raw RGB 0-255 (imports TensorFlow)."""

from typing import Any

import numpy as np

from effq_core.base.tensorflow import keras
from effq_core.models.card import Normalisation
from effq_core.models.families.family import NORMALISE


def normalised_input(normalisation: Normalisation, image_size: int) -> tuple[Any, Any]:
    """Returns an image input and it normalised, by a frozen 1x1 depthwise convolution."""
    image = keras.Input((image_size, image_size, 3), name="image")
    layer = keras.layers.DepthwiseConv2D(1, trainable=False, name=NORMALISE)
    seen = layer(image)
    kernel = np.asarray(normalisation.scale, np.float32).reshape(1, 1, 3, 1)
    layer.set_weights([kernel, np.asarray(normalisation.offset, np.float32)])
    return image, seen
