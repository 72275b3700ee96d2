from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import OpResolverType

from effq_core.base.errors import ModelError
from effq_core.runtimes.file_report import FileReport
from effq_core.runtimes.litert.session import load_interpreter
from effq_core.runtimes.registry import inspect_file

WEIGHTS = 3 * 3 * (3 * 16 + 16 * 32 + 32 * 64) + 64 * 10


def test_a_float_file_is_read(models: dict[str, Path]) -> None:
    path = models["float32"]
    report = inspect_file(path)
    content = path.read_bytes()
    assert (report.name, report.size_bytes) == ("float32.tflite", len(content))
    assert report.sha256 == hashlib.sha256(content).hexdigest()
    assert {op: report.ops[op] for op in ("CONV_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX")} == {
        "CONV_2D": 3,
        "MEAN": 1,
        "FULLY_CONNECTED": 1,
        "SOFTMAX": 1,
    }
    assert report.weight_bytes["FLOAT32"] >= 4 * WEIGHTS
    assert report.signatures == ("serving_default",)
    assert (report.inputs[0].shape, report.inputs[0].dtype) == ((1, 64, 64, 3), "FLOAT32")
    assert (report.inputs[0].scale, report.inputs[0].zero_point) == (None, None)
    assert report.has_float_tensors
    assert (report.delegated_share, report.partitions) == (1.0, 1)


def test_an_integer_file_is_read(models: dict[str, Path]) -> None:
    report = inspect_file(models["int8"])
    assert report.has_float_tensors == ()
    assert set(report.tensor_dtypes) == {"INT8", "INT32"}
    assert WEIGHTS <= report.weight_bytes["INT8"] < WEIGHTS + 100
    assert (report.inputs[0].scale, report.inputs[0].zero_point) == (1.0, -128)
    assert (report.outputs[0].scale, report.outputs[0].zero_point) == (1 / 256, -128)
    assert (report.outputs[0].dtype, report.outputs[0].shape) == ("INT8", (1, 10))
    assert report.size_bytes < inspect_file(models["float32"]).size_bytes / 2.5
    assert report.size_kib == report.size_bytes / 1024


def test_two_bit_convolutions_are_refused_before_they_are_run(
    models: dict[str, Path], tmp_path: Path
) -> None:
    model = schema.ModelT.InitFromPackedBuf(models["float32"].read_bytes(), 0)
    graph = model.subgraphs[0]
    kinds = [model.operatorCodes[op.opcodeIndex].builtinCode for op in graph.operators]
    place = graph.operators[kinds.index(schema.BuiltinOperator.CONV_2D)].inputs[1]
    weights = graph.tensors[place]
    weights.type, weights.quantization = schema.TensorType.INT2, schema.QuantizationParametersT()
    weights.quantization.scale = [0.1] * int(weights.shape[0])
    weights.quantization.zeroPoint = [0] * int(weights.shape[0])
    data = np.zeros(int(np.prod(weights.shape)) // 4, np.uint8)
    model.buffers[weights.buffer].data = data
    for code in model.operatorCodes:
        if code.builtinCode == schema.BuiltinOperator.CONV_2D:
            code.version = 5
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path / "two.tflite"
    path.write_bytes(bytes(builder.Output()))
    load_interpreter(path, kernels=OpResolverType.AUTO)  # LiteRT itself has nothing against it
    with pytest.raises(ModelError, match="2-bit weights in CONV_2D, which LiteRT cannot run"):
        inspect_file(path)


def test_dynamic_range_has_both(models: dict[str, Path]) -> None:
    report = inspect_file(models["dynamic_range"])
    assert report.weight_bytes["INT8"] > 20_000
    assert report.has_float_tensors


def test_an_operator_xnnpack_does_not_know_splits_the_graph(half_delegated: Path) -> None:
    report = inspect_file(half_delegated)
    assert report.ops["CUMSUM"] == 1
    assert (report.delegated_ops, report.main_ops, report.partitions) == (5, 6, 2)
    assert report.delegated_share == pytest.approx(5 / 6)


@pytest.mark.usefixtures("xnnpack")
@pytest.mark.parametrize("name", ["float32", "dynamic_range", "int8", "uint8"])
def test_delegated_operators_agree_with_xnnpack_taking_them_one_by_one(
    models: dict[str, Path], name: str
) -> None:
    # With all tensors preserved every delegated operator becomes a piece of its own: a count
    # that does not depend on walking the graph.
    interpreter = load_interpreter(models[name], kernels=OpResolverType.AUTO, keep_values=True)
    pieces = sum(node["op_name"] == "DELEGATE" for node in interpreter._get_ops_details())
    assert inspect_file(models[name]).delegated_ops == pieces


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_a_report_survives_json(models: dict[str, Path], name: str) -> None:
    report = inspect_file(models[name])
    assert FileReport.from_dict(report.to_dict()) == report


def test_damaged_files_are_named(damage: Callable[[bytes], Path], models: dict[str, Path]) -> None:
    whole = models["int8"].read_bytes()
    broken_root = struct.pack("<I", 2**31 - 1) + whole[4:]
    for content in (b"", whole[:3000], broken_root, np.random.default_rng(1).bytes(9000)):
        with pytest.raises(ModelError, match=r"damaged\.tflite"):
            inspect_file(damage(content))
