"""A family from outside: one convolution and a head, with ReLU, for which it asks a range."""

from __future__ import annotations

from typing import Any

from effq_core.models.card import ModelCard, Normalisation, Weights
from effq_core.models.families.family import FEATURES, HEAD, FakeQuant, Family, Layer

CARD = ModelCard(
    id="toy_imagenette",
    title="Toy · Imagenette",
    architecture="toy_one",
    image_size=32,
    parameters=4 * 27 + 4 + 4 * 10 + 10 + 6,
    labels="imagenette",
    normalisation=Normalisation.centred(127, 128),
    weights=Weights("toy.npz", md5="0" * 32, url="http://127.0.0.1:9/toy.npz"),
    licence="none",
    source="Nobody trained it.",
    summary="To see whether a family can come from outside.",
)


def _build(card: ModelCard, *, classes: int, image_size: int) -> Any:
    from effq_core.models.families.entry import normalised_input

    import tf_keras as keras

    layers = keras.layers
    image, x = normalised_input(card.normalisation, image_size)
    x = layers.Conv2D(4, 3, 2, padding="same", use_bias=False, name="block1a_conv")(x)
    x = layers.BatchNormalization(name="block1a_bn")(x)
    x = layers.ReLU(6.0, name="block1a_relu")(x)
    x = layers.GlobalAveragePooling2D(name=FEATURES)(x)
    return keras.Model(image, layers.Dense(classes, activation="softmax", name=HEAD)(x))


def _layers(card: ModelCard) -> tuple[Layer, ...]:
    del card  # there is one
    return (
        ("normalise", "DEPTHWISE_CONV_2D"),
        ("block1a_conv", "CONV_2D"),
        (HEAD, "FULLY_CONNECTED"),
    )


TOY = Family(
    name="toy",
    architectures=("toy_one",),
    cards=(CARD,),
    build=_build,
    layers=_layers,
    fake_quant=FakeQuant(outputs=("ReLU", "GlobalAveragePooling2D")),
)
