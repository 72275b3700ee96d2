"""One photo through both models, on a real run's own files."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from tiny_files import artifact  # noqa: E402 - needs the path above

from effq_core.base.errors import BusyError, ModelError  # noqa: E402
from effq_core.base.reporting import SilentReporter  # noqa: E402
from effq_core.layers import trace as tracing  # noqa: E402
from effq_core.layers.signal import measure_signal  # noqa: E402
from effq_core.layers.trace import PARTING_DB, Step, Trace, feature_maps, trace  # noqa: E402
from effq_core.photos.pixels import read_pixels  # noqa: E402
from effq_core.runtimes.model import Model  # noqa: E402


@pytest.fixture
def files(tiny_run, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setattr(tracing, "_loaded", type(tracing._loaded)())
    return [tiny_run.results.model_file(name) for name in ("float32", "int8")]


@pytest.fixture
def image(tiny_run) -> np.ndarray:
    pixels, _ = read_pixels(artifact(tiny_run, "pixels:evaluation"))
    return np.asarray(pixels[5])


def test_one_photo_is_the_record_of_one_photo(files, image) -> None:
    found = trace(*files, image)
    record = measure_signal(*files, image[None], SilentReporter())
    assert [step.tensor for step in found.steps] == [each.tensor for each in record.tensors]
    for step, seen in zip(found.steps, record.tensors, strict=True):
        assert (step.layer, step.block, step.kind) == (seen.layer, seen.block, seen.kind)
        assert (step.sqnr_db, step.cosine) == (seen.sqnr_db, seen.cosine)


def test_probabilities_are_those_of_the_files_as_they_are_used(files, image) -> None:
    found = trace(*files, image)
    for path, output in zip(files, (found.float32, found.int8), strict=True):
        assert np.array_equal(Model(path).predict(image), output)
    assert not found.steps[-1].on_trunk and found.trunk[-1].kind == "FULLY_CONNECTED"
    second, first = np.sort(found.float32)[-2:]
    assert found.margin == pytest.approx(first - second)


def test_feature_maps_are_the_tensor_of_both_models(files, image) -> None:
    found = trace(*files, image)
    step = next(each for each in found.steps if each.layer == "block2b_add")
    exact, rounded = feature_maps(*files, image, step.tensor)
    assert exact.shape == rounded.shape == (16, 16, 32)
    noise = ((exact.astype(np.float64) - rounded) ** 2).sum()
    db = 10 * np.log10((exact.astype(np.float64) ** 2).sum() / noise)
    assert step.sqnr_db == pytest.approx(db, abs=0.01)
    assert len(np.unique(rounded)) <= 256 < len(np.unique(exact))
    logits = next(each for each in found.steps if each.kind == "FULLY_CONNECTED")
    assert feature_maps(*files, image, logits.tensor)[0].shape == found.float32.shape
    with pytest.raises(ModelError, match="no tensor 'nothing'"):
        feature_maps(*files, image, "nothing")


def step(name: str, db: float, *, on_trunk: bool = True) -> Step:
    return Step(
        tensor=name,
        layer=name,
        block=name,
        kind="ADD",
        sqnr_db=db,
        channel_db=db,
        cosine=1.0,
        on_trunk=on_trunk,
    )


def test_models_part_at_the_first_step_everything_goes_through() -> None:
    steps = (
        step("gate", 1.0, on_trunk=False),
        step("a", PARTING_DB),
        step("b", 9.0),
        step("c", 3.0),
    )
    found = Trace(steps=steps, float32=np.array([0.6, 0.4]), int8=np.array([0.4, 0.6]))
    assert not found.agrees
    assert found.first_below() is steps[2] and found.lowest is steps[3]
    assert found.first_below(5.0) is steps[3]
    assert found.first_below(2.0) is None
    uneven = replace(steps[1], channel_db=0.0)
    assert replace(found, steps=(uneven, *steps[2:])).first_below() is uneven


def test_no_more_pairs_of_files_are_held_than_there_is_room_for(files, image, tiny_run) -> None:
    for name in ("int8", "int8_qat", "float16", "int8"):
        trace(files[0], tiny_run.results.model_file(name), image)
        assert len(tracing._loaded) <= tracing.LOADED_AT_MOST
    held = list(tracing._loaded.values())
    trace(*files, image)
    assert list(tracing._loaded.values()) == held


def test_who_comes_while_others_hold_the_models_is_told(files, image, monkeypatch) -> None:
    monkeypatch.setattr(tracing, "_PATIENCE", 0.05)
    trace(*files, image)
    failed = []

    def come() -> None:
        try:
            trace(*files, image)
        except BusyError as error:
            failed.append(error)

    with tracing._borrow(*files):
        visitor = threading.Thread(target=come)
        visitor.start()
        visitor.join()
    assert failed
    assert trace(*files, image).steps  # and the next one is served


def test_a_file_that_is_gone_is_named(files, image, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.tflite"):
        trace(files[0], tmp_path / "gone.tflite", image)
