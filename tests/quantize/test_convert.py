from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from quantized_models import Quantized

from effq_core.base.errors import StageError
from effq_core.experiment.calibration_methods import METHODS
from effq_core.measure.gates.no_float_tensors import no_float_gate
from effq_core.measure.gates.same_operators import same_operators_gate
from effq_core.quantize.convert import convert, quantize_with_ranges
from effq_core.runtimes.model import Model, ModelPool
from effq_core.tflite.file import read_tflite, unpack

import tensorflow as tf

FLOAT_FORMS = ("float32", "float16")


def answers(path: Path, images: np.ndarray) -> np.ndarray:
    return ModelPool(path).predict_many(images)


@pytest.mark.parametrize("form", [*FLOAT_FORMS, "dynamic_range", "int8", "qat"])
def test_every_file_can_be_used_by_its_signature(lite0: Quantized, form: str) -> None:
    interpreter = Interpreter(str(lite0.file(form)))
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["image"], "outputs": ["probabilities"]}
    }
    run = interpreter.get_signature_runner("serving_default")
    dtype = np.int8 if form in ("int8", "qat") else np.float32
    detail = run.get_input_details()["image"]
    assert (tuple(detail["shape"]), detail["dtype"]) == ((1, 64, 64, 3), dtype)
    found = run(image=np.zeros((1, 64, 64, 3), dtype))["probabilities"]
    assert (found.shape, found.dtype) == ((1, 1000), dtype)


def test_the_float32_file_answers_as_keras(quantized: Quantized) -> None:
    expected = quantized.model(quantized.images.astype(np.float32), training=False).numpy()
    found = answers(quantized.file("float32"), quantized.images)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.ptp(expected, axis=0).max() > 0.01  # photos get different answers


@pytest.mark.parametrize(
    ("form", "stored", "smaller"), [("float16", "FLOAT16", 1.9), ("dynamic_range", "INT8", 3.3)]
)
def test_smaller_float_files_store_smaller_weights_and_answer_alike(
    lite0: Quantized, form: str, stored: str, smaller: float
) -> None:
    weights = lite0.report(form).weight_bytes
    assert max(weights, key=lambda kind: weights[kind]) == stored
    assert lite0.report("float32").size_bytes / lite0.report(form).size_bytes > smaller
    (info,) = lite0.report(form).inputs
    assert info.dtype == "FLOAT32"
    a, b = (answers(lite0.file(name), lite0.images) for name in ("float32", form))
    assert np.abs(a - b).mean() < {"float16": 1e-4, "dynamic_range": 1e-3}[form]
    assert not np.array_equal(a, b)


@pytest.mark.parametrize("form", ["int8", "qat"])
def test_integer_files_are_integer_throughout(quantized: Quantized, form: str) -> None:
    report = quantized.report(form)
    gate = no_float_gate(report)
    assert gate.passed, gate.detail
    assert set(report.tensor_dtypes) <= {"INT8", "INT32"}
    # RGB - 128 goes in, probability x 256 - 128 comes out.
    (feed,), (answer,) = report.inputs, report.outputs
    assert (feed.dtype, feed.scale, feed.zero_point) == ("INT8", 1.0, -128)
    assert (answer.dtype, answer.scale, answer.zero_point) == ("INT8", 1 / 256, -128)


def test_both_integer_files_have_the_float_files_operators(quantized: Quantized) -> None:
    for form in ("int8", "qat"):
        gate = same_operators_gate(quantized.report("float32"), quantized.report(form))
        assert gate.passed, gate.detail


@pytest.mark.parametrize("form", ["int8", "qat"])
def test_every_convolution_has_one_scale_a_channel(quantized: Quantized, form: str) -> None:
    checked = 0
    for op in read_tflite(quantized.file(form)).main.operators:
        if op.kind.has_kernel and op.kind.name != "FULLY_CONNECTED":
            assert op.kernel is not None
            channels = op.kernel.shape[{"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}[op.kind.name]]
            assert len(op.kernel.scales) == channels, op.kernel.name
            assert not np.any(op.kernel.zero_points), op.kernel.name
            checked += channels > 1
    ops = quantized.report("float32").ops
    assert checked == ops["CONV_2D"] + ops["DEPTHWISE_CONV_2D"]


def with_stock_calibration(quantized: Quantized) -> tf.lite.TFLiteConverter:
    """Returns TensorFlow's own way to int8, calibrating with the same images."""

    def representative() -> Iterator[list[np.ndarray]]:
        for image in quantized.images:
            yield [image[np.newaxis].astype(np.float32)]

    converter = tf.lite.TFLiteConverter.from_saved_model(str(quantized.frozen))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter


def stock_ranges(quantized: Quantized) -> dict[str, tuple[float, float]]:
    """Returns the ranges TensorFlow's calibrator records, by tensor name."""
    converter = with_stock_calibration(quantized)
    converter._experimental_calibrate_only = True
    model = unpack(bytes(converter.convert()))
    return {
        tensor.name.decode(): (float(tensor.quantization.min[0]), float(tensor.quantization.max[0]))
        for tensor in model.subgraphs[0].tensors
        if tensor.quantization is not None and tensor.quantization.min is not None
    }


@pytest.mark.parametrize("name", ["small", "lite0", "v2"])
def test_the_same_ranges_give_what_tensorflows_own_int8_gives(
    name: str, request: pytest.FixtureRequest
) -> None:
    quantized = request.getfixturevalue(name)
    stock, ours = quantized.folder / "stock.tflite", quantized.folder / "ours.tflite"
    stock.write_bytes(with_stock_calibration(quantized).convert())
    float32 = quantized.file("float32").read_bytes()
    ours.write_bytes(quantize_with_ranges(float32, stock_ranges(quantized)))
    found, expected = (answers(path, quantized.images) for path in (ours, stock))
    assert np.array_equal(found, expected)
    assert np.ptp(expected, axis=0).max() > 0.01


@pytest.mark.parametrize("name", ["small", "lite0", "v2"])
def test_min_max_ranges_are_tensorflows_wherever_those_are_right(
    name: str, request: pytest.FixtureRequest
) -> None:
    # TensorFlow's calibrator reads a tensor after the next operator may have written its result
    # into the same memory: then it records the union of both. Ours keeps every tensor.
    quantized = request.getfixturevalue(name)
    ours = quantized.statistics.ranges("min_max", 100)
    stock = stock_ranges(quantized)
    graph = read_tflite(quantized.file("float32")).main
    following: dict[str, list[str]] = {}
    for op in graph.operators:
        for read in filter(None, op.inputs):
            following.setdefault(read.name, []).extend(made.name for made in op.outputs)
    assert set(stock) == set(ours)
    same = 0
    for tensor, expected in stock.items():
        low, high = min(expected[0], 0), max(expected[1], 0)
        if ours[tensor] == pytest.approx((low, high), rel=1e-4, abs=1e-5):
            same += 1
            continue
        overwritten = [ours[after] for after in following[tensor]]
        unions = [
            (min(ours[tensor][0], after[0]), max(ours[tensor][1], after[1]))
            for after in overwritten
        ]
        assert any((low, high) == pytest.approx(u, rel=1e-4, abs=1e-5) for u in unions), tensor
    assert same > len(ours) / 2


def scale_of(content: bytes, name: str) -> tuple[float, int]:
    (tensor,) = (t for t in read_tflite(content).main.tensors if t.name == name)
    assert tensor.grid is not None
    return tensor.grid


def test_the_range_given_is_the_range_of_the_file(small: Quantized) -> None:
    float32 = small.file("float32").read_bytes()
    ranges = dict(small.statistics.ranges("min_max", 100))
    (add,) = (name for name in ranges if name.startswith("small/add/"))
    ranges[add] = (-51.0, 204.0)
    scale, zero_point = scale_of(quantize_with_ranges(float32, ranges), add)
    assert (scale, zero_point) == (pytest.approx(1.0), -128 + 51)


@pytest.mark.parametrize("method", list(METHODS))
def test_every_calibration_method_gives_a_working_file(
    lite0: Quantized, method: str, tmp_path: Path
) -> None:
    ranges = lite0.statistics.ranges(method, 99.99)
    path = tmp_path / "int8.tflite"
    path.write_bytes(quantize_with_ranges(lite0.file("float32").read_bytes(), ranges))
    expected = answers(lite0.file("float32"), lite0.images)
    assert np.abs(answers(path, lite0.images) - expected).mean() < 0.001
    assert Model(path).output_step == 1 / 256


def test_an_activation_without_a_range_is_named(small: Quantized) -> None:
    ranges = dict(small.statistics.ranges("min_max", 100))
    (lost,) = (name for name in ranges if "/add/" in name)
    del ranges[lost]
    with pytest.raises(StageError) as caught:
        quantize_with_ranges(small.file("float32").read_bytes(), ranges)
    assert f"{lost!r} has no calibrated range" in caught.value.message


@pytest.mark.parametrize("form", [*FLOAT_FORMS, "qat"])
def test_conversion_is_deterministic(small: Quantized, form: str) -> None:
    first = small.file(form).read_bytes()
    assert convert(small.frozen_qat if form == "qat" else small.frozen, form) == first


def test_quantizing_is_deterministic(lite0: Quantized) -> None:
    float32 = lite0.file("float32").read_bytes()
    ranges = lite0.statistics.ranges("min_max", 100)
    assert quantize_with_ranges(float32, ranges) == lite0.file("int8").read_bytes()


def test_a_graph_the_converter_refuses_is_a_stage_error(tmp_path: Path) -> None:
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec((1, 4), tf.float32)])
    def unsupported(x: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.Betainc(a=x, b=x, x=x)

    module.serve = unsupported
    tf.saved_model.save(module, str(tmp_path), signatures={"serving_default": unsupported})
    with pytest.raises(StageError, match=r"could not convert to float32: .+") as caught:
        convert(tmp_path, "float32")
    assert "report it" in caught.value.hint
