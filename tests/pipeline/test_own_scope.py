"""Models with one output, of grey images, of stretched photos: measured, predicted and bundled."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from effq_core.base.settings import Home
from effq_core.deliver.bundle import bundle_name, write_bundle
from effq_core.deliver.bundle.bundle import INPUT
from effq_core.deliver.export_readme import readme
from effq_core.experiment import Calibration, Experiment, Qat
from effq_core.intake.adding import Offer, check
from effq_core.intake.keeping import keep
from effq_core.models.class_names import parse_labels
from effq_core.models.own.card import Preprocessing
from effq_core.photos.image_input import ImageInput, Resize
from effq_core.photos.pixels import read_pixels
from effq_core.pipeline.driver import run_foreground
from effq_core.pipeline.plan import build_plan
from effq_core.predict.variant_answers import Predictor
from effq_core.results import Results, load_results
from effq_core.results.access import on_photos
from effq_core.results.photos import open_photos
from effq_core.results.subject import head_text
from effq_core.store.database import Database
from effq_core.store.rows import Status
from tests.models.own_files import SIDE, small_body
from tests.models.scope_files import GREY_SIDE, brought, digits, pooled_colours, tflite_of

CLASSES = ("cold", "warm")
OFFER = Offer("m.keras", parse_labels("\n".join(CLASSES)), Preprocessing.INSIDE)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wide photos of two classes, bluish and reddish, brightest at their edges."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(2)
    for label, tint in zip(CLASSES, ((90, 120, 200), (200, 120, 90)), strict=True):
        (root / label).mkdir()
        for number in range(40):
            pixels = rng.normal(tint, 40, (24, 60, 3)) + np.abs(np.linspace(-60, 60, 60))[:, None]
            image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            image.save(root / label / f"{number}.png")
    return root


def bring(home: Home, path: Path, offer: Offer, title: str) -> None:
    keep(home, check(home, path, replace(offer, name=path.name)), title)


def run(home: Home, photos: Path, model: str, *variants: str) -> Results:
    experiment = Experiment(
        model=model,
        dataset=f"folder:{photos}",
        variants=variants,
        calibration=Calibration(size=10),
        qat=Qat(epochs=1),
        training_size=24,
        evaluation_size=20,
        threads=(1,),
    )
    return finish(home, experiment)


def finish(home: Home, experiment: Experiment) -> Results:
    database = Database(home.database)
    try:
        ended = run_foreground(home, database.create_run(experiment, "scope"))
    finally:
        database.close()
    assert ended.status is Status.FINISHED, f"{ended.error} {ended.hint}"
    return load_results(home, ended)


def newest_run(home: Home) -> str:
    database = Database(home.database)
    try:
        return database.list_runs(1)[0].id
    finally:
        database.close()


def probabilities(results: Results, variant: str) -> np.ndarray:
    return results.predictions(variant).probabilities


def same_answers_without_effq(results: Results, variant: str, photos: Path, folder: Path) -> Path:
    """Runs a bundle's own programs; returns its folder."""
    target = write_bundle(results, variant, folder / f"{variant}.zip")
    with zipfile.ZipFile(target) as archive:
        archive.extractall(folder)
    inside = folder / bundle_name(results, variant)
    chosen = [photos / label / f"{number}.png" for label in CLASSES for number in range(4)]
    done = subprocess.run(
        [sys.executable, inside / "classify.py", *chosen, "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    predictor = Predictor(results, (variant,))
    for told, path in zip(json.loads(done.stdout), chosen, strict=True):
        (answer,) = predictor.answer(predictor.read(path))
        mine = [(guess.label, guess.probability) for guess in answer.guesses]
        assert [(guess["label"], guess["probability"]) for guess in told["guesses"]] == mine
        assert len(mine) == len(results.labels())
    done = subprocess.run(
        [
            sys.executable,
            inside / "bench.py",
            "--threads",
            "1",
            "--wait",
            "0",
            "--to",
            folder / "t.json",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return inside


@pytest.mark.usefixtures("xnnpack")  # as the bundle's script has, whose answers are compared
def test_one_sigmoid_output_of_stretched_photos(
    shared_home: Home, photos: Path, tmp_path: Path
) -> None:
    model = brought(2, classes=1, activation="sigmoid", body=small_body)
    path = tmp_path / "one.keras"
    model.save(str(path))
    bring(shared_home, path, replace(OFFER, resize=Resize.STRETCH), "One")
    theirs = tflite_of(model, tmp_path / "theirs.tflite")
    bring(shared_home, theirs, replace(OFFER, preprocessing=Preprocessing.RAW), "Cropped")
    bring(shared_home, theirs, replace(OFFER, resize=Resize.STRETCH), "Stretched")
    names = "int8", "int8_qat", "file_cropped", "file_stretched"
    results = run(shared_home, photos, "own:one", *names)
    assert results.image_input == ImageInput(SIDE, Resize.STRETCH)
    assert results.head_use == "whole"
    for name, variant in results.variants.items():
        assert variant.accuracy.top1 is not None
        np.testing.assert_allclose(probabilities(results, name).sum(1), 1, atol=0.01)
        failed = {gate.name for gate in variant.failed_gates}
        assert not failed & {"keras_vs_tflite", "no_float_tensors", "fake_quant_count"}, failed
        outputs = 1 if name.startswith("file_") else 2
        assert variant.file.outputs[0].shape == (1, outputs)
    # The photos of the run are those of its card; a file that was brought has those of its own.
    float32 = probabilities(results, "float32")
    np.testing.assert_allclose(probabilities(results, "file_stretched"), float32, atol=1e-4)
    assert np.abs(probabilities(results, "file_cropped") - float32).max() > 1e-3
    answered = results.predictions("float32")
    key = answered.keys[0]
    image = next(p for p in photos.rglob("*.png") if key.endswith(f"{p.parent.name}/{p.name}"))
    stretched = Image.open(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(open_photos(results, shared_home).photo(0), np.asarray(stretched))
    yes = np.asarray(model(np.asarray(stretched, np.float32)[None], training=False))[0, 0]
    np.testing.assert_allclose(float32[0], [1 - yes, yes], atol=1e-4)
    for name in ("float32", "int8", "int8_qat"):
        inside = same_answers_without_effq(results, name, photos, tmp_path)
        assert json.loads((inside / INPUT).read_text()) == {"resize": "stretch"}
    card = (inside / "model_card.md").read_text("utf-8")
    assert "stretch it to 32 × 32 pixels" in card
    assert "0 is cold, 1 is warm" in card
    assert "image.resize((SIZE, SIZE)" in readme(results)


@pytest.mark.usefixtures("xnnpack")
def test_grey_images_without_a_channel(shared_home: Home, photos: Path, tmp_path: Path) -> None:
    model = brought(3, shape=(GREY_SIDE, GREY_SIDE), body=digits, classes=2)
    path = tmp_path / "grey.keras"
    model.save(str(path))
    bring(shared_home, path, OFFER, "Grey")
    colour = brought(2, body=pooled_colours, classes=3)
    labels = parse_labels("\n".join((*CLASSES, "background")))
    three = tflite_of(colour, tmp_path / "three.tflite")
    bring(shared_home, three, replace(OFFER, labels=labels), "Three")
    results = run(shared_home, photos, "own:grey", "int8", "int8_qat", "file_three")
    assert results.image_input == ImageInput(GREY_SIDE, channels=1)
    pixels, items = read_pixels(
        next(
            folder
            for folder in (shared_home.artifacts / "pixels").glob("*")
            if np.load(folder / "pixels.npy").shape == (20, GREY_SIDE, GREY_SIDE, 1)
        )
    )
    expected = np.asarray(model(pixels[..., 0].astype(np.float32), training=False))
    np.testing.assert_allclose(probabilities(results, "float32"), expected, atol=1e-4)
    assert len(items) == 20
    for name in ("float32", "int8", "int8_qat"):
        assert results.variants[name].file.inputs[0].shape == (1, GREY_SIDE, GREY_SIDE, 1)
        inside = same_answers_without_effq(results, name, photos, tmp_path)
        assert not (inside / INPUT).exists()
    assert "0.299 R" in (inside / "model_card.md").read_text("utf-8")
    assert 'convert("L")' in readme(results)
    # A colour file beside it has pixels of its own, and its third output is no answer.
    theirs = results.variants["file_three"]
    assert theirs.file.outputs[0].shape == (1, 3)
    assert probabilities(results, "file_three").shape == (20, 2)
    assert theirs.comparison is not None
    # Its files, measured on photos of another run, are fed grey ones again.
    names = {path.parent.name: path for path in sorted(photos.rglob("*.png"))}
    few = tmp_path / "few"
    for name, path in names.items():
        (few / name).mkdir(parents=True)
        shutil.copy(path, few / name)
    again = finish(shared_home, on_photos(results, newest_run(shared_home), f"folder:{few}"))
    assert again.image_input == results.image_input
    assert set(again.variants) == {"float32", "int8", "int8_qat", "file_three"}
    grey = np.stack([np.asarray(open_photos(again, shared_home).photo(at)) for at in range(2)])
    assert grey.shape[:3] == (2, GREY_SIDE, GREY_SIDE)
    one = grey[..., :1].astype(np.float32)[..., 0]
    np.testing.assert_allclose(
        probabilities(again, "float32"), np.asarray(model(one, training=False)), atol=1e-4
    )


def test_a_background_output_is_no_answer_where_photos_have_none(
    shared_home: Home, photos: Path, tmp_path: Path
) -> None:
    model = brought(2, classes=3)
    kernel, bias = model.layers[-1].get_weights()
    # It would answer "background" to every photo.
    model.layers[-1].set_weights([kernel, bias + np.array([9, 0, 0], np.float32)])
    path = tmp_path / "m.keras"
    model.save(str(path))
    labels = parse_labels("\n".join(("background", *CLASSES)))
    bring(shared_home, path, replace(OFFER, labels=labels), "More")
    results = run(shared_home, photos, "own:more", "int8")
    assert results.labels() == ["background", *CLASSES]
    for name in ("float32", "int8"):
        answered = results.predictions(name)
        assert answered.ignored == 0
        assert set(answered.predicted) <= {1, 2}
    gates = {gate.name: gate for gate in results.baseline.gates}
    assert gates["keras_vs_tflite"].passed, gates["keras_vs_tflite"].detail
    assert "“background” is left out" in head_text(results)
    plan = build_plan(on_photos(results, newest_run(shared_home), f"folder:{photos}"), shared_home)
    assert plan["evaluate:int8"].params["ignored"] == 0, (
        "nor is it where its files are measured on others"
    )
    numbered = [f"{place}_{name}" for place, name in enumerate(("background", *CLASSES))]
    bring(shared_home, path, replace(OFFER, labels=parse_labels("\n".join(numbered))), "Numbered")
    asked = replace(results.experiment, model="own:numbered")
    assert build_plan(asked, shared_home)["evaluate:int8"].params["ignored"] == 0
