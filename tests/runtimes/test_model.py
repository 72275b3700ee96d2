from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from effq_core.base.errors import Cancelled, ExperimentError, ModelError
from effq_core.base.reporting import SilentReporter
from effq_core.runtimes.litert.session import PLAIN_KERNELS, LiteRtSession, usual_kernels
from effq_core.runtimes.model import Model, ModelPool
from effq_core.runtimes.session import Kernels
from effq_core.tflite.file import read_tflite

VARIANTS = ("float32", "dynamic_range", "int8", "uint8")


@pytest.mark.parametrize("name", VARIANTS)
def test_properties_come_from_the_file(models: dict[str, Path], name: str) -> None:
    model = Model(models[name])
    dtype = {"int8": np.int8, "uint8": np.uint8}.get(name, np.float32)
    assert (model.image_size, model.classes, model.input_dtype) == (64, 10, dtype)
    assert model.output_step == (1 / 256 if name in ("int8", "uint8") else None)


@pytest.mark.parametrize("name", VARIANTS)
def test_predict_gives_what_the_interpreter_gives_by_hand(
    models: dict[str, Path], images: np.ndarray, name: str
) -> None:
    interpreter = Interpreter(str(models[name]), experimental_op_resolver_type=usual_kernels())
    interpreter.allocate_tensors()
    given, taken = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    fed = images[0].astype(np.float32)
    if name == "int8":
        assert given["quantization"] == (1.0, -128)
        fed = images[0].astype(np.int16) - 128
    interpreter.set_tensor(given["index"], fed[np.newaxis].astype(given["dtype"]))
    interpreter.invoke()
    expected = interpreter.get_tensor(taken["index"])[0].astype(np.float32)
    if name in ("int8", "uint8"):
        scale, zero_point = taken["quantization"]
        expected = (expected - zero_point) * np.float32(scale)
    answer = Model(models[name]).predict(images[0])
    assert answer.dtype == np.float32
    np.testing.assert_array_equal(answer, expected)


def test_every_pixel_value_is_written_exactly(models: dict[str, Path]) -> None:
    ramp = np.resize(np.arange(256, dtype=np.uint8), (64, 64, 3))
    np.testing.assert_array_equal(Model(models["float32"]).prepare(ramp)[0], ramp)
    np.testing.assert_array_equal(Model(models["uint8"]).prepare(ramp)[0], ramp)
    shifted = Model(models["int8"]).prepare(ramp)[0]
    np.testing.assert_array_equal(shifted.astype(int), ramp.astype(int) - 128)


def test_integer_variants_follow_the_float_one(models: dict[str, Path], images: np.ndarray) -> None:
    baseline = ModelPool(models["float32"]).predict_many(images)
    assert len(np.unique(baseline.argmax(axis=1))) > 1  # or agreement would mean nothing
    for name in ("int8", "uint8", "dynamic_range"):
        assert np.abs(ModelPool(models[name]).predict_many(images) - baseline).max() < 0.1


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_pool_is_bit_identical_to_one_interpreter(
    models: dict[str, Path], images: np.ndarray, name: str, workers: int
) -> None:
    one = Model(models[name])
    alone = np.stack([one.predict(image) for image in images])
    np.testing.assert_array_equal(
        ModelPool(models[name], workers=workers).predict_many(images), alone
    )


def test_a_pool_takes_no_images(models: dict[str, Path]) -> None:
    none = np.empty((0, 64, 64, 3), np.uint8)
    assert ModelPool(models["int8"]).predict_many(none).shape == (0, 10)


def test_a_pool_reports_from_the_calling_thread_and_ends_at_the_total(
    models: dict[str, Path], images: np.ndarray
) -> None:
    seen: list[tuple[int, int, int]] = []

    class Recorder(SilentReporter):
        def progress(self, done: int, total: int, unit: str = "images") -> None:
            seen.append((done, total, threading.get_ident()))

    ModelPool(models["int8"]).predict_many(images, Recorder())
    assert seen[-1] == (24, 24, threading.get_ident())
    assert {ident for _, _, ident in seen} == {threading.get_ident()}


def test_a_pool_stops_when_asked_and_can_be_used_again(
    models: dict[str, Path], images: np.ndarray
) -> None:
    class Stop(SilentReporter):
        asked = 0

        def check_cancelled(self) -> None:
            self.asked += 1
            if self.asked == 2:
                raise Cancelled("Stopped.")

    many = np.tile(images, (400, 1, 1, 1))
    pool, predicted = ModelPool(models["float32"]), threading.active_count()
    with pytest.raises(Cancelled):
        pool.predict_many(many, Stop())
    assert threading.active_count() == predicted
    assert pool.predict_many(images).shape == (24, 10)


def test_images_of_the_wrong_size_or_type_are_refused(models: dict[str, Path]) -> None:
    model = Model(models["int8"])
    for wrong in (np.zeros((32, 32, 3), np.uint8), np.zeros((64, 64, 3), np.float32)):
        with pytest.raises(ModelError, match=r"int8\.tflite takes uint8 \(64, 64, 3\)"):
            model.predict(wrong)
        with pytest.raises(ModelError):
            ModelPool(models["int8"]).predict_many(wrong[np.newaxis])


def test_no_threads_is_not_called_a_corrupt_file(models: dict[str, Path]) -> None:
    with pytest.raises(ExperimentError, match="threads is 0"):
        Model(models["int8"], threads=0)


@pytest.mark.parametrize("keep", [0, 4, 1000, 20_000])
def test_a_truncated_file_is_named(
    models: dict[str, Path], damage: Callable[[bytes], Path], keep: int
) -> None:
    path = damage(models["int8"].read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"damaged\.tflite"):
        Model(path)


def test_garbage_and_missing_files_are_named(
    tmp_path: Path, damage: Callable[[bytes], Path]
) -> None:
    with pytest.raises(ModelError, match=r"cannot load damaged\.tflite"):
        Model(damage(np.random.default_rng(0).bytes(50_000)))
    with pytest.raises(ModelError, match=r"no file nowhere\.tflite"):
        Model(tmp_path / "nowhere.tflite")


def test_a_model_that_is_no_image_classifier_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32)])
    def double(x: tf.Tensor) -> tf.Tensor:
        return x * 2.0

    converter = tf.lite.TFLiteConverter.from_concrete_functions([double.get_concrete_function()])
    path = tmp_path / "double.tflite"
    path.write_bytes(converter.convert())
    with pytest.raises(ModelError, match=r"\(1, 4\)"):
        Model(path)


@pytest.mark.usefixtures("xnnpack")
def test_other_kernels_run_without_xnnpack(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def names(**how: Any) -> set[str]:
        session = Model(models["int8"], **how).session
        assert isinstance(session, LiteRtSession)
        return {node["op_name"] for node in session.interpreter._get_ops_details()}

    assert "DELEGATE" in names()
    for kernels in (Kernels.PLAIN, Kernels.REFERENCE):
        assert "DELEGATE" not in names(kernels=kernels)
    monkeypatch.setenv(PLAIN_KERNELS, "1")
    assert "DELEGATE" not in names()


def test_preserved_tensors_can_be_read(models: dict[str, Path], images: np.ndarray) -> None:
    model = Model(models["float32"], keep_values=True)
    model.predict(images[0])
    conv = next(op for op in read_tflite(model.path).main.operators if op.kind.name == "CONV_2D")
    assert model.session.value(conv.output.index).shape == (1, 32, 32, 16)


def test_measuring_never_imports_tensorflow() -> None:
    modules = ["accuracy", "statistics", "sitting", "others", "gates"]
    modules = [f"measure.{name}" for name in modules]
    modules += ["base.hardware", "runtimes.model", "runtimes.litert.inspect"]
    code = "import sys\n"
    code += "".join(f"import effq_core.{module}\n" for module in modules)
    code += "assert not {'tensorflow', 'tf_keras', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
