"""A model of one's own through the real pipeline: from its file to measured variants."""

from __future__ import annotations

import numpy as np
import pytest

from effq_core.base.errors import ExperimentError
from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment, Qat
from effq_core.intake.adding import Offer, check
from effq_core.intake.keeping import keep
from effq_core.models.class_names import parse_labels
from effq_core.models.own.card import OwnCard, Preprocessing
from effq_core.photos.pixels import read_pixels
from effq_core.pipeline.driver import run_foreground
from effq_core.pipeline.forecast import forecast
from effq_core.pipeline.plan import build_plan
from effq_core.quantize.convert import convert
from effq_core.quantize.freeze import freeze
from effq_core.results import Results, load_results
from effq_core.store.database import Database
from effq_core.store.rows import Status
from tests.models.own_files import SIDE, classifier, pooled_colours, small_body, with_unknown_layers

PHOTO_CLASSES = "photo_patches"


def bring(home: Home, model: object, labels: list[str], way: Preprocessing) -> OwnCard:
    path = home.root / "brought.keras"
    model.save(str(path))  # type: ignore[attr-defined]
    checked = check(home, path, Offer("brought.keras", parse_labels("\n".join(labels)), way))
    path.unlink()
    return keep(home, checked, "Brought")


def run(home: Home, **choice: object) -> Results:
    experiment = Experiment(
        model="own:brought",
        dataset=PHOTO_CLASSES,
        calibration=Calibration(size=10),
        qat=Qat(epochs=1),
        training_size=60,
        evaluation_size=30,
        threads=(1,),
        **choice,  # type: ignore[arg-type]
    )
    database = Database(home.database)
    try:
        ended = run_foreground(home, database.create_run(experiment, "own"))
    finally:
        database.close()
    assert ended.status is Status.FINISHED, f"{ended.error} {ended.hint}"
    return load_results(home, ended)


def photo_classes(home: Home) -> list[str]:
    from effq_core.photos.catalogue import open_dataset

    return list(open_dataset(PHOTO_CLASSES, home).class_names)


def test_a_keras_3_model_with_the_photos_classes_becomes_ptq_variants(home: Home) -> None:
    labels = photo_classes(home)
    # Reversed: its outputs are matched with the photos' classes by name, not by position.
    model = classifier(3, with_unknown_layers, classes=len(labels), activation=None)
    bring(home, model, labels[::-1], Preprocessing.ZERO_ONE)
    results = run(home, variants=("float32", "float16", "dynamic_range", "int8"))
    assert results.head_use == "whole"
    assert results.model["licence"] == "yours"
    assert results.model["file"]["name"] == "brought.keras"
    assert results.labels() == labels[::-1]
    assert set(results.variants) == {"float32", "float16", "dynamic_range", "int8"}
    for variant in results.variants.values():
        failed = {gate.name for gate in variant.failed_gates}
        assert not failed & {"keras_vs_tflite", "no_float_tensors"}
        assert variant.file.inputs[0].shape == (1, SIDE, SIDE, 3)
    # Raw RGB goes in: the exported file answers as the model does on what it was trained with.
    images, items = read_pixels(next((home.artifacts / "pixels").glob("*")))
    found = next(
        folder
        for folder in (home.artifacts / "evaluate").glob("*")
        if results.baseline.predictions.endswith(folder.name)
    )
    kept = np.load(found / "predictions.npz")["probabilities"]
    scores = np.asarray(model(images[:8].astype(np.float32) / 255, training=False), np.float64)
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(kept[:8], expected, atol=1e-4)
    assert len(items) == 30
    with pytest.raises(ExperimentError, match="odd_one"):
        build_plan(Experiment(model="own:brought", variants=("int8_qat",)), home)


def test_a_flat_model_gets_a_new_head_and_every_variant(home: Home) -> None:
    bring(home, classifier(2, small_body), ["a", "b", "c", "d"], Preprocessing.INSIDE)
    asked = Experiment(model="own:brought", dataset=PHOTO_CLASSES, variants=("int8", "int8_qat"))
    assert forecast(asked, home).head_use == "new"
    results = run(home, variants=("int8", "int8_qat"))
    assert results.head_use == "new"
    assert results.labels() == photo_classes(home)
    gates = {gate.name: gate for gate in results.variants["int8_qat"].gates}
    assert gates["fake_quant_count"].passed, gates["fake_quant_count"].detail
    assert gates["same_operators"].passed, gates["same_operators"].detail
    assert gates["no_float_tensors"].passed


def test_a_ready_file_is_measured_beside_the_variants_on_the_same_photos(home: Home) -> None:
    labels = photo_classes(home)
    model = classifier(2, pooled_colours, classes=len(labels))
    bring(home, model, labels, Preprocessing.INSIDE)
    results = run(home, variants=("float16",))
    path = home.root / "theirs.tflite"
    path.write_bytes(results.model_file("float16").read_bytes())
    offer = Offer("theirs.tflite", parse_labels("\n".join(labels)), Preprocessing.RAW)
    keep(home, check(home, path, offer), "Theirs")
    beside = run(home, variants=("float16", "file_theirs"))
    theirs, ours = beside.variants["file_theirs"], beside.variants["float16"]
    assert theirs.file.sha256 == ours.file.sha256
    assert theirs.accuracy.top1 == ours.accuracy.top1
    assert theirs.comparison is not None
    assert theirs.comparison.agreement == ours.comparison.agreement  # type: ignore[union-attr]
    assert [timing.threads for timing in theirs.latency] == [1]
    assert "file_theirs" not in beside.with_files
    assert theirs.title == "theirs (your file)"


def test_a_ready_file_of_another_size_gets_the_photos_as_it_wants_them(home: Home) -> None:
    labels = photo_classes(home)
    bring(home, classifier(2, pooled_colours, classes=len(labels)), labels, Preprocessing.INSIDE)
    large = classifier(2, pooled_colours, classes=len(labels), side=48)
    freeze(large, home.root / "frozen")
    path = home.root / "large.tflite"
    path.write_bytes(convert(home.root / "frozen", "float32"))
    offer = Offer("large.tflite", parse_labels("\n".join(labels)), Preprocessing.ZERO_ONE)
    keep(home, check(home, path, offer), "Large")
    results = run(home, variants=("float32", "file_large"))
    theirs = results.variants["file_large"]
    assert theirs.file.inputs[0].shape == (1, 48, 48, 3)
    assert theirs.accuracy.n == results.baseline.accuracy.n == 30
    assert results.samples["evaluation"]["image_size"] == SIDE
