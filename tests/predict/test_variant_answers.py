"""Answers for single photos equal what evaluation found for the same pixels."""

from __future__ import annotations

import copy
import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from effq_core.base.errors import (
    BusyError,
    DatasetError,
    ExperimentError,
    InputError,
    ModelError,
    StoreError,
)
from effq_core.photos.pixels import read_pixels
from effq_core.predict.variant_answers import Predictor, Predictors
from effq_core.results import Results, load_reference
from effq_core.runtimes.model import Model
from effq_core.store.artifacts import ArtifactStore
from tests.results.run_variations import SHIPPED


@pytest.fixture(scope="module")
def predictor(tiny_run) -> Predictor:
    return Predictor(tiny_run.results)


def _evaluation_pixels(tiny_run) -> np.ndarray:
    for artifact in ArtifactStore(tiny_run.home).list_all():
        if artifact.stage == "pixels" and artifact.summary["role"] == "evaluation":
            return read_pixels(artifact.path)[0]
    raise AssertionError("there is no evaluation sample")


def test_answers_equal_the_stored_predictions_exactly(tiny_run, predictor: Predictor) -> None:
    stored = {name: tiny_run.results.predictions(name) for name in tiny_run.results.variants}

    for index, pixels in enumerate(_evaluation_pixels(tiny_run)[:8]):
        for answer in predictor.answer(np.asarray(pixels), top=3):
            probabilities = stored[answer.variant].probabilities[index]
            assert [guess.index for guess in answer.guesses] == list(
                np.argsort(-probabilities, kind="stable")[:3]
            )
            assert answer.guesses[0].probability == float(probabilities.max())


def test_agreement_is_with_float32s_best_class(predictor: Predictor) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    answers = {answer.variant: answer for answer in predictor.answer(pixels)}

    assert answers["float32"].agrees is None
    best = answers["float32"].guesses[0].index
    for name, answer in answers.items():
        assert answer.ms > 0
        if name != "float32":
            assert answer.agrees == (answer.guesses[0].index == best)


def test_float32_compares_even_where_it_is_not_shown(tiny_run) -> None:
    predictor = Predictor(tiny_run.results, ["int8_qat", "int8"])
    answers = predictor.answer(np.zeros((64, 64, 3), np.uint8), top=1)

    assert [answer.variant for answer in answers] == ["int8", "int8_qat"]
    assert all(answer.agrees is not None for answer in answers)
    assert all(len(answer.guesses) == 1 for answer in answers)


def test_more_classes_than_there_are_gives_all(tiny_run, predictor: Predictor) -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)

    assert len(predictor.answer(pixels, top=999)[0].guesses) == len(tiny_run.results.labels())
    with pytest.raises(InputError, match="Choose 1 or more"):
        predictor.answer(pixels, top=0)


def test_bytes_and_files_decode_alike(tmp_path: Path, predictor: Predictor) -> None:
    path = tmp_path / "coffee.png"
    Image.fromarray(data.coffee()).save(path)

    assert (predictor.read(path) == predictor.read(path.read_bytes(), "upload")).all()
    assert predictor.read(path).shape == (64, 64, 3)


def test_a_broken_or_missing_photo_is_named(tmp_path: Path, predictor: Predictor) -> None:
    with pytest.raises(DatasetError, match=r"gone\.jpg"):
        predictor.read(tmp_path / "gone.jpg")
    with pytest.raises(DatasetError, match=r"upload\.jpg"):
        predictor.read(b"nonsense", "upload.jpg")
    buffer = io.BytesIO()
    Image.fromarray(data.coffee()).save(buffer, "JPEG")
    with pytest.raises(DatasetError, match="The image"):
        predictor.read(buffer.getvalue()[:500])


def test_variants_and_sizes_that_do_not_fit_are_refused(tiny_run, predictor: Predictor) -> None:
    with pytest.raises(InputError, match="int8_float_control"):
        Predictor(tiny_run.results, ["int8_float_control"])
    with pytest.raises(ExperimentError, match="int1"):
        Predictor(tiny_run.results, ["int1"])
    with pytest.raises(ModelError, match="uint8"):
        predictor.answer(np.zeros((32, 32, 3), np.uint8))


def test_visitors_in_different_threads_get_the_answers_to_their_own_photos(
    predictor: Predictor,
) -> None:
    rng = np.random.default_rng(1)
    photos = [rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for _ in range(24)]

    def told(pixels: np.ndarray) -> list[tuple]:
        return [(answer.variant, answer.guesses) for answer in predictor.answer(pixels)]

    alone = [told(pixels) for pixels in photos]
    with ThreadPoolExecutor(8) as executor:
        together = list(executor.map(told, photos))

    assert together == alone
    assert len({str(each) for each in alone}) > 1, "photos that are all answered alike show nothing"


def test_variants_without_a_file_are_left_out(tiny_run) -> None:
    """As of the reference run, whose controls' files do not ship."""
    plain = copy.deepcopy(tiny_run.results.plain)
    plain["variants"]["int8_qat_untrained"]["artifact"] = ""
    results = Results.from_dict(plain, tiny_run.results.folder)

    assert Predictor(results).variants == SHIPPED
    with pytest.raises(InputError, match="only its measurements"):
        Predictor(results, ["int8_qat_untrained"])


def test_predicting_imports_no_tensorflow() -> None:
    code = "import sys, effq_core.predict.variant_answers; print('tensorflow' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert answer.stdout.strip() == "False", answer.stderr


def test_variants_of_few_runs_are_loaded_at_a_time_however_many_ask(tiny_run) -> None:
    predictors = Predictors(2, patience=0.1)

    with predictors.borrow("a", tiny_run.results) as first:
        with predictors.borrow("a", tiny_run.results) as again:
            assert again is first
        with predictors.borrow("b", tiny_run.results):
            refused = pytest.raises(BusyError, match="2 other runs")
            with refused, predictors.borrow("c", tiny_run.results):
                pass
            assert predictors.loaded == 2
        with predictors.borrow("c", tiny_run.results):  # b went: nobody used it
            assert predictors.loaded == 2
        with predictors.borrow("a", tiny_run.results) as still:
            assert still is first
    with pytest.raises(StoreError), predictors.borrow("d", _without_files(tiny_run)):
        pass
    with predictors.borrow("b", tiny_run.results):  # what failed to load takes no room
        assert predictors.loaded <= 2


def _without_files(tiny_run) -> Results:
    plain = copy.deepcopy(tiny_run.results.plain)
    for variant in plain["variants"].values():
        variant["artifact"] = "float32/" + "0" * 64
    return Results.from_dict(plain, tiny_run.results.folder)


def test_while_others_wait_each_variant_runs_once_and_answers_the_same(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    invocations = []
    real = Model.predict

    def counted(model: Model, image: np.ndarray) -> np.ndarray:
        invocations.append(model)
        return real(model, image)

    monkeypatch.setattr(Model, "predict", counted)
    alone = predictor.answer(pixels)
    assert len(invocations) == 2 * len(alone)
    invocations.clear()
    monkeypatch.setattr(predictor, "_asking", 1)  # somebody is before us
    crowded = predictor.answer(pixels)
    assert len(invocations) == len(crowded)
    assert [each.guesses for each in crowded] == [each.guesses for each in alone]


def test_an_output_that_is_no_answer_is_never_the_best() -> None:
    reference = load_reference()
    predictor = Predictor(reference)
    buffer = io.BytesIO()
    Image.fromarray(data.coffee()).save(buffer, "PNG")
    pixels = predictor.read(buffer.getvalue())
    best = predictor.answer(pixels)[0].guesses[0]
    plain = copy.deepcopy(reference.plain)
    plain["model"]["ignored"] = best.label.upper()
    results = Results.from_dict(plain, reference.folder)

    for answer in Predictor(results).answer(pixels, top=999):
        assert answer.guesses[0].index != best.index
        (left,) = [guess for guess in answer.guesses if guess.index == best.index]
        assert left.probability == 0
