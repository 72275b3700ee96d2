"""What all that measures asks of a runtime, asked of each there is, and of one from outside."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import EffqError, ExperimentError, InputError, ModelError
from effq_core.base.hardware import library_versions
from effq_core.runtimes.file_report import FileReport
from effq_core.runtimes.model import Model, ModelPool
from effq_core.runtimes.registry import (
    RUNTIMES,
    inspect_file,
    model_in,
    open_session,
    packages,
    runtime_of,
)
from effq_core.runtimes.session import Kernels
from tests.runtimes.toy import Toy, write_toy

NAMES = [*RUNTIMES, "toy"]
pytestmark = pytest.mark.usefixtures("toy")


@pytest.fixture(params=NAMES)
def path(request: pytest.FixtureRequest, models: dict[str, Path], tmp_path: Path) -> Path:
    """A small float classifier, a file of each runtime; a new runtime brings one here."""
    if request.param == "toy":
        write_toy(tmp_path / "model.toy")
        return tmp_path / "model.toy"
    small = {"litert": models["float32"]}
    assert request.param in small, "give this fixture a small file of the new runtime"
    return small[request.param]


@pytest.fixture
def photos(path: Path) -> np.ndarray:
    shape = Model(path).image_shape
    return np.random.default_rng(5).integers(0, 256, (12, *shape)).astype(np.uint8)


def test_it_has_all_that_pages_and_results_say_of_it(path: Path) -> None:
    runtime = runtime_of(path)
    assert RUNTIMES[runtime.name] is runtime and runtime.title and runtime.fast_kernels
    assert runtime.suffix == path.suffix
    assert (
        metadata.version(runtime.packages[0]) == library_versions(packages())[runtime.packages[0]]
    )


def test_it_loads_and_predicts(path: Path, photos: np.ndarray) -> None:
    model = Model(path)
    alone = np.stack([model.predict(photo) for photo in photos])
    assert alone.shape == (len(photos), model.classes) and alone.dtype == np.float32
    assert np.isfinite(alone).all() and len(np.unique(alone[:, 0])) > 1
    np.testing.assert_array_equal(ModelPool(path).predict_many(photos), alone)


def test_its_reference_kernels_agree(path: Path, photos: np.ndarray) -> None:
    usual, other = (
        ModelPool(path, kernels=each).predict_many(photos)
        for each in (Kernels.USUAL, Kernels.REFERENCE)
    )
    np.testing.assert_allclose(usual, other, atol=1e-4)


def test_values_inside_can_be_read(path: Path, photos: np.ndarray) -> None:
    model = Model(path, keep_values=True)
    kept = model.predict(photos[0])
    assert np.array_equal(model.session.value(0), model.prepare(photos[0]))  # its input
    np.testing.assert_allclose(kept, Model(path).predict(photos[0]), atol=1e-5)


def test_it_times(path: Path, photos: np.ndarray) -> None:
    model = Model(path, threads=2)
    model.session.feed(model.prepare(photos[0]))
    found = model.session.time(3)
    assert len(found) == 3 and min(found) > 0
    assert model.session.multiplications() > 0


def test_it_says_what_is_inside(path: Path) -> None:
    report, model = inspect_file(path), Model(path)
    assert report.size_bytes == path.stat().st_size and report.name == path.name
    assert (report.inputs[0].shape, report.outputs[0].shape[-1]) == (
        model.session.inputs[0].shape,
        model.classes,
    )
    assert 0 <= report.delegated_share <= 1 and report.main_ops == sum(report.ops.values())
    assert FileReport.from_dict(report.to_dict()) == report


def test_a_file_that_is_none_is_the_users_error(path: Path, tmp_path: Path) -> None:
    bad = tmp_path / f"bad{path.suffix}"
    for content in (b"", b"nothing", path.read_bytes()[:200]):
        bad.write_bytes(content)
        for use in (open_session, inspect_file):
            with pytest.raises(ModelError, match=bad.name):
                use(bad)
    for use in (open_session, inspect_file):
        with pytest.raises(ModelError, match="no file missing"):
            use(tmp_path / f"missing{path.suffix}")
    with pytest.raises(ExperimentError, match="threads is 0"):
        open_session(path, threads=0)


def test_its_file_is_found_in_an_artifact(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "artifact"
    folder.mkdir()
    with pytest.raises(ModelError, match="no model file"):
        model_in(folder)
    made = folder / f"model{path.suffix}"
    made.write_bytes(path.read_bytes())
    assert model_in(folder) == made


def test_what_no_runtime_runs_is_refused_with_those_there_are(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"x")
    with pytest.raises(ModelError, match=r"model\.onnx") as caught:
        Model(path)
    assert all(f"{each.title} ({each.suffix})" in caught.value.hint for each in RUNTIMES.values())
    with pytest.raises(EffqError, match="no runtime 'onnx'") as caught:
        RUNTIMES["onnx"]
    assert ", ".join(RUNTIMES) in caught.value.hint


def test_a_name_is_given_once() -> None:
    with pytest.raises(InputError, match="'toy'"):
        RUNTIMES.register(Toy())
