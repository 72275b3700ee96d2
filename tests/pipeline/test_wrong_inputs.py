"""What people do wrong, through the real pipeline: the run says so, and what it was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from effq_core.advise.recommend import headline
from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment
from effq_core.intake.adding import Offer, check
from effq_core.intake.keeping import keep
from effq_core.models.class_names import parse_labels
from effq_core.models.own.card import Preprocessing
from effq_core.pipeline.driver import run_foreground
from effq_core.results import Results, load_results
from effq_core.results.warnings import About
from effq_core.store.database import Database
from effq_core.store.rows import Status
from tests.models.own_files import SIDE, keras_of

COLOURS = {
    "blue": (-0.7, -0.7, 0.7),
    "cyan": (-0.7, 0.7, 0.7),
    "green": (-0.7, 0.7, -0.7),
    "red": (0.7, -0.7, -0.7),
    "white": (0.9, 0.9, 0.9),
    "yellow": (0.7, 0.7, -0.7),
}
"""Classes and what they look like from −1 to 1. Fed 0 to 255, all is whitest."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng, folder = np.random.default_rng(4), tmp_path_factory.mktemp("colours")
    for name, colour in COLOURS.items():
        (folder / name).mkdir()
        for number in range(70):  # three in ten are for evaluation
            shade = 127.5 * (np.array(colour) + 1) + rng.normal(0, 12, (SIDE, SIDE, 3))
            image = Image.fromarray(np.clip(shade, 0, 255).astype(np.uint8))
            image.save(folder / name / f"{number}.png")
    return folder


def model(order: Sequence[int] = range(len(COLOURS))) -> object:
    """A Keras model that answers the nearest colour, its outputs in an order."""
    keras = keras_of(2)
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(3, 1)(image))
    made = keras.Model(image, keras.layers.Dense(len(COLOURS), activation="softmax")(x))
    nearest = np.array(list(COLOURS.values()))[list(order)]
    made.layers[1].set_weights([np.eye(3)[None, None], np.zeros(3)])
    made.layers[-1].set_weights([4 * nearest.T, -2 * (nearest**2).sum(axis=1)])
    return made


def tflite(made: object) -> bytes:
    import tensorflow as tf

    function = tf.function(
        lambda x: made(x),  # type: ignore[operator]
        input_signature=[tf.TensorSpec((1, SIDE, SIDE, 3), tf.float32)],
    )
    found = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    content: bytes = found.convert()
    return content


def add(home: Home, name: str, content: object, way: Preprocessing) -> None:
    path = home.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content.save(str(path))  # type: ignore[attr-defined]
    offer = Offer(name, parse_labels("\n".join(COLOURS)), way)
    keep(home, check(home, path, offer), path.stem)
    path.unlink()


def run(home: Home, photos: Path, **choice: object) -> Results:
    experiment = Experiment(
        dataset=f"folder:{photos}",
        calibration=Calibration(size=10),
        evaluation_size=120,
        threads=(1,),
        **choice,  # type: ignore[arg-type]
    )
    database = Database(home.database)
    try:
        ended = run_foreground(home, database.create_run(experiment, "wrong"))
    finally:
        database.close()
    assert ended.status is Status.FINISHED, f"{ended.error} {ended.hint}"
    return load_results(home, ended)


def failed(results: Results, variant: str) -> dict[str, str]:
    return {gate.name: gate.detail for gate in results.variants[variant].failed_gates}


def test_a_model_brought_with_the_wrong_preprocessing_is_told_the_right_one(
    shared_home: Home, photos: Path
) -> None:
    add(shared_home, "wrong.keras", model(), Preprocessing.RAW)
    results = run(shared_home, photos, model="own:wrong", variants=("dynamic_range", "int8"))
    (detail,) = failed(results, "float32").values()
    assert detail == (
        "float32 is no better than chance on these photos: 16.7 % of 120 photos are right. With "
        "preprocessing “minus_one_one” it would be right on 100 % of 120. Add it again with "
        "this preprocessing."
    )
    assert any(each.about is About.GATE and detail in each.text for each in results.warnings)
    assert headline(results).text == detail
    # What is made from it answers as it does, and is not to blame.
    assert "agreement_with_float32" not in failed(results, "dynamic_range")
    assert "agreement_with_float32" not in failed(results, "int8")


def test_a_brought_file_is_told_that_its_outputs_are_in_another_order_or_it_is_fed_wrongly(
    shared_home: Home, photos: Path
) -> None:
    add(shared_home, "sound.keras", model(), Preprocessing.MINUS_ONE_ONE)
    add(
        shared_home,
        "swapped.tflite",
        tflite(model([0, 1, 3, 2, 4, 5])),
        Preprocessing.MINUS_ONE_ONE,
    )
    add(shared_home, "misfed.tflite", tflite(model()), Preprocessing.RAW)
    results = run(
        shared_home,
        photos,
        model="own:sound",
        variants=("float16", "int8", "file_swapped", "file_misfed"),
    )
    assert results.baseline.accuracy.top1 is not None and results.baseline.accuracy.top1.share == 1
    for sound in ("float32", "float16", "int8"):
        assert not failed(results, sound).keys() & {"answers_fit_labels", "agreement_with_float32"}
    swapped = failed(results, "file_swapped")
    assert swapped["agreement_with_float32"].startswith(
        "Outputs look re-ordered: 100 % agree after swapping “green” and “red”."
    )
    assert "after swapping “green” and “red”" in swapped["answers_fit_labels"]
    misfed = failed(results, "file_misfed")
    # It answers one class only: merely bad beside float32, and the labels tell why.
    assert "agreement_with_float32" not in misfed
    assert "With preprocessing “minus_one_one” it would be right" in misfed["answers_fit_labels"]
