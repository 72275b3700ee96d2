"""EfficientNetV2-B0 as Keras Applications has it (imports TensorFlow)."""

from typing import Any

from effq_core.base.tensorflow import keras
from effq_core.models.card import ModelCard
from effq_core.models.families.entry import normalised_input


def build(card: ModelCard, *, classes: int, image_size: int) -> Any:
    """Builds it; see :class:`~effq_core.models.families.family.Build`."""
    _, x = normalised_input(card.normalisation, image_size)
    return keras.applications.EfficientNetV2B0(
        include_preprocessing=False,
        weights=None,
        input_tensor=x,
        classes=classes,
        classifier_activation="softmax",
    )
