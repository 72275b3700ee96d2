"""EfficientNet-Lite0, layer by layer (imports TensorFlow)."""

from typing import Any

from effq_core.base.tensorflow import keras
from effq_core.models.card import ModelCard
from effq_core.models.families.entry import normalised_input
from effq_core.models.families.family import FEATURES, HEAD

# expand, channels, repeats, kernel, stride of the first block (Tan and Le 2019, table 1; Lite
# variants keep the widths of the stem and the head).
_LITE0_STAGES = (
    (1, 16, 1, 3, 1),
    (6, 24, 2, 3, 2),
    (6, 40, 2, 5, 2),
    (6, 80, 3, 3, 2),
    (6, 112, 3, 5, 1),
    (6, 192, 4, 5, 2),
    (6, 320, 1, 3, 1),
)


def build(card: ModelCard, *, classes: int, image_size: int) -> Any:
    """Builds it; see :class:`~effq_core.models.families.family.Build`."""
    image, x = normalised_input(card.normalisation, image_size)
    return keras.Model(image, _lite0(x, classes), name=card.architecture)


def _lite0(x: Any, classes: int) -> Any:
    x = _conv(x, 32, 3, 2, "stem_conv", "stem_bn", activate=True)
    for stage, (expand, channels, repeats, kernel, stride) in enumerate(_LITE0_STAGES, start=1):
        for repeat in range(repeats):
            name = f"block{stage}{chr(ord('a') + repeat)}_"
            x = _mbconv(x, name, expand, channels, kernel, stride if repeat == 0 else 1)
    x = _conv(x, 1280, 1, 1, "top_conv", "top_bn", activate=True)
    x = keras.layers.GlobalAveragePooling2D(name=FEATURES)(x)
    x = keras.layers.Dropout(0.2, name="top_dropout")(x)
    return keras.layers.Dense(classes, activation="softmax", name=HEAD)(x)


def _mbconv(x: Any, name: str, expand: int, channels: int, kernel: int, stride: int) -> Any:
    inputs, width = x, x.shape[-1]
    if expand > 1:
        conv, norm = f"{name}expand_conv", f"{name}expand_bn"
        x = _conv(x, width * expand, 1, 1, conv, norm, activate=True)
    x = keras.layers.DepthwiseConv2D(
        kernel, stride, padding="same", use_bias=False, name=f"{name}dwconv"
    )(x)
    x = keras.layers.BatchNormalization(epsilon=1e-3, name=f"{name}bn")(x)
    x = keras.layers.ReLU(6.0, name=f"{name}relu")(x)
    x = _conv(x, channels, 1, 1, f"{name}project_conv", f"{name}project_bn", activate=False)
    if stride == 1 and width == channels:
        x = keras.layers.Add(name=f"{name}add")([x, inputs])
    return x


def _conv(
    x: Any, channels: int, kernel: int, stride: int, conv: str, norm: str, *, activate: bool
) -> Any:
    x = keras.layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False, name=conv)(x)
    x = keras.layers.BatchNormalization(epsilon=1e-3, name=norm)(x)
    return keras.layers.ReLU(6.0, name=f"{conv}_relu")(x) if activate else x
