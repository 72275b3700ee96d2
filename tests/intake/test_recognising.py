"""A model that does not know what the sample photos show is told why, before any run."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from effq_core.base.settings import Home
from effq_core.intake import sample_answers as asked
from effq_core.intake.adding import Checked, Offer, check
from effq_core.intake.sample_answers import unrecognised
from effq_core.intake.steps import StepState
from effq_core.models.card import Label, label_set
from effq_core.models.file_input import Feeding
from effq_core.models.own.card import Preprocessing
from effq_core.photos.image_input import ImageInput
from effq_core.runtimes.model import Model
from tests.models.own_files import SIDE, keras_of

IMAGENET = label_set("imagenet")
NAMES = [label.name for label in IMAGENET]
POOL = 4


def knowing() -> object:
    """A Keras model of ImageNet's classes that knows the sample photos, fed −1 to 1, and no more.

    Each class has the picture it is nearest to; those of no photo a white one, brighter than any.
    """
    keras = keras_of(2)
    layers = keras.layers
    image = keras.Input((SIDE, SIDE, 3))
    x = layers.Flatten()(layers.AveragePooling2D(POOL)(image))
    model = keras.Model(image, layers.Dense(len(NAMES), activation="softmax")(x))
    photos = asked.sample_pixels(ImageInput(SIDE))
    known = [[name for name in names if name in NAMES] for names in photos.shown]
    small = photos.pixels.reshape(-1, SIDE // POOL, POOL, SIDE // POOL, POOL, 3).mean((2, 4))
    pictures = np.full((len(NAMES), small[0].size), 1.5)
    for shown, picture in zip(known, small, strict=True):
        if shown:
            pictures[NAMES.index(shown[0])] = picture.ravel() / 127.5 - 1
    model.layers[-1].set_weights([2 * pictures.T, -(pictures**2).sum(axis=1)])
    return model


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The model as Keras saves it, and as TensorFlow Lite does."""
    import tensorflow as tf

    folder, model = tmp_path_factory.mktemp("knowing"), knowing()
    model.save(str(folder / "knowing.keras"))  # type: ignore[attr-defined]
    function = tf.function(
        lambda x: model(x),  # type: ignore[operator]
        input_signature=[tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32)],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    (folder / "knowing.tflite").write_bytes(converter.convert())
    return {ending: folder / f"knowing.{ending}" for ending in ("keras", "tflite")}


def added(
    home: Home, path: Path, way: Preprocessing, labels: tuple[Label, ...] = IMAGENET
) -> Checked:
    return check(home, path, Offer(path.name, labels, way))


def doubts(checked: Checked) -> list[str]:
    """Notes of the card; what a step warned of is there as well."""
    notes: list[str] = checked.report["notes"]
    warned = [step.detail for step in checked.steps if step.state is StepState.WARNING]
    return [note for note in notes if "recognises" in note and note in warned]


@pytest.mark.parametrize("ending", ["keras", "tflite"])
def test_another_preprocessing_that_would_know_the_photos_is_named_when_it_is_added(
    files: dict[str, Path], home: Home, ending: str
) -> None:
    sound = added(home, files[ending], Preprocessing.MINUS_ONE_ONE)
    assert not [note for note in sound.report["notes"] if "recognises" in note]
    (doubt,) = doubts(added(home, files[ending], Preprocessing.RAW))
    assert doubt == (
        "It recognises 0 of the 5 sample photos the model has classes for; with preprocessing "
        "“minus_one_one” it would be 5."
    )


def test_labels_that_are_one_place_off_are_named_when_it_is_added(
    files: dict[str, Path], home: Home
) -> None:
    late = (*IMAGENET[-1:], *IMAGENET[:-1])
    (doubt,) = doubts(added(home, files["tflite"], Preprocessing.MINUS_ONE_ONE, late))
    assert doubt == (
        "It recognises 0 of the 5 sample photos the model has classes for; when reading each "
        "output as the class after it it would be 5."
    )


def judged(file: Path, folder: Path, labels: list[str]) -> str:
    """What is said of the ``.tflite`` file, fed as it was trained."""
    path, fed = folder / "model.tflite", Preprocessing.MINUS_ONE_ONE.normalisation
    assert fed is not None
    shutil.copyfile(file, path)
    Feeding.of(fed).write(path)
    photos, model = asked.sample_pixels(ImageInput(SIDE)), Model(path)
    found = np.stack([model.predict(image) for image in photos.pixels])
    return unrecognised(path, folder / "again", photos, found, labels, outside=fed)


def test_an_order_nobody_can_guess_is_a_doubt_without_a_cause(
    files: dict[str, Path], tmp_path: Path
) -> None:
    shuffled = [NAMES[i] for i in np.random.default_rng(0).permutation(len(NAMES))]
    assert judged(files["tflite"], tmp_path, shuffled) == (
        "It recognises none of the 5 sample photos the model has classes for: are its labels in "
        "the order of its outputs?"
    )


def test_photos_that_cannot_tell_say_nothing(files: dict[str, Path], tmp_path: Path) -> None:
    strangers = [f"class {i}" for i in range(len(NAMES))]
    assert judged(files["tflite"], tmp_path, strangers) == ""
