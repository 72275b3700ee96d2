"""What models expect of an image's numbers."""

from enum import StrEnum

from effq_core.models.card import Normalisation


class Preprocessing(StrEnum):
    """What a model expects of RGB 0–255; EffQ puts it inside the graph."""

    RAW = "raw"
    ZERO_ONE = "zero_one"
    MINUS_ONE_ONE = "minus_one_one"
    IMAGENET = "imagenet"
    CAFFE = "caffe"
    INSIDE = "inside"

    @property
    def label(self) -> str:
        """Name for people."""
        return _TITLES[self]

    @property
    def normalisation(self) -> Normalisation | None:
        """What is put in front of the model; ``None`` where nothing is."""
        return _NORMALISATIONS.get(self)


_NORMALISATIONS = {
    Preprocessing.ZERO_ONE: Normalisation.centred(0, 255),
    Preprocessing.MINUS_ONE_ONE: Normalisation.centred(127.5, 127.5),
    Preprocessing.IMAGENET: Normalisation.imagenet(),
    Preprocessing.CAFFE: Normalisation.caffe(),
}
_TITLES = {
    Preprocessing.RAW: "Raw RGB, 0 to 255",
    Preprocessing.ZERO_ONE: "0 to 1 (divided by 255)",
    Preprocessing.MINUS_ONE_ONE: "−1 to 1 (Keras' “tf” mode)",
    Preprocessing.IMAGENET: "ImageNet mean and deviation (“torch” mode)",
    Preprocessing.CAFFE: "BGR minus ImageNet's mean (Keras' “caffe” mode: VGG, ResNet50)",
    Preprocessing.INSIDE: "Inside the model (it takes 0 to 255)",
}
