"""EfficientNetV2: swish and squeeze-excite."""

from typing import Any

from effq_core.models.card import ModelCard, Normalisation, Weights
from effq_core.models.families.family import FakeQuant, Family, layers_in_weights, register


def _build(card: ModelCard, *, classes: int, image_size: int) -> Any:
    from effq_core.base.tensorflow import keras  # only when it is built
    from effq_core.models.families.entry import normalised_input

    _, x = normalised_input(card.normalisation, image_size)
    return keras.applications.EfficientNetV2B0(
        include_preprocessing=False,
        weights=None,
        input_tensor=x,
        classes=classes,
        classifier_activation="softmax",
    )


_CARDS = (
    ModelCard(
        id="efficientnetv2_b0_imagenette",
        title="EfficientNetV2-B0 · Imagenette",
        architecture="efficientnetv2_b0",
        image_size=224,
        parameters=5_932_122,
        labels="imagenette",
        normalisation=Normalisation.centred(128, 128),
        weights=Weights(
            "efficientnetv2_b0_imagenette.npz",
            bytes=11_144_674,
            sha256="ccfc03223469d24d8f62b75ef24c83967f56bced1780036f549de48370853c15",
        ),
        licence="Imagenette's terms: research, non-commercial",
        source=(
            "Trained by this project on Imagenette's 9,469 training photos (36 epochs, 96 to "
            "160 px, distilled from EfficientNet-Lite0, seed 42). float32 top-1 on all 3,925 "
            "validation photos at 224 px: 0.882."
        ),
        summary="Ten everyday classes; bundled, so it works with no network.",
    ),
    ModelCard(
        id="efficientnetv2_b0_imagenet",
        title="EfficientNetV2-B0 · ImageNet-1k",
        architecture="efficientnetv2_b0",
        image_size=224,
        parameters=7_200_312,
        labels="imagenet",
        normalisation=Normalisation.imagenet(),
        weights=Weights(
            "efficientnetv2-b0.h5",
            md5="21ecbf6da12460d5c40bb2f29ceb2188",
            url=(
                "https://storage.googleapis.com/tensorflow/keras-applications/"
                "efficientnet_v2/efficientnetv2-b0.h5"
            ),
        ),
        licence="Apache-2.0 (Keras Applications)",
        source="Keras Applications; top-1 0.787 on ImageNet-1k as reported by Keras.",
        summary="The paper's model: 1,000 classes; 28 MiB downloaded at first use.",
    ),
)

register(
    Family(
        name="efficientnetv2",
        architectures=("efficientnetv2_b0",),
        cards=_CARDS,
        build=_build,
        layers=lambda card: layers_in_weights("efficientnetv2_b0_imagenette.npz"),
        fake_quant=FakeQuant(
            outputs=("Add", "Multiply", "GlobalAveragePooling2D"), split=("swish",)
        ),
    )
)
