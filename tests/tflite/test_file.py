"""The one reader of ``.tflite`` files, held against LiteRT's own interpreter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import OpResolverType

from effq_core.base.errors import ModelError
from effq_core.results.document import REFERENCE_FOLDER
from effq_core.runtimes.litert.session import load_interpreter
from effq_core.tflite.file import read_tflite, unpack
from effq_core.tflite.rewriting import pack

FILES = REFERENCE_FOLDER / "files"
PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
FORMS = ("float32", "float16", "dynamic_range", "int8")
INT8 = (FILES / "int8" / "model.tflite").read_bytes()


@pytest.mark.parametrize("form", FORMS)
def test_operators_and_tensors_are_those_the_interpreter_has(form: str) -> None:
    path = FILES / form / "model.tflite"
    graph, interpreter = read_tflite(path).main, load_interpreter(path, kernels=PLAIN)
    nodes = interpreter._get_ops_details()[: len(graph.operators)]
    for op, node in zip(graph.operators, nodes, strict=True):
        assert op.kind.name == node["op_name"]
        assert [-1 if t is None else t.index for t in op.inputs] == list(node["inputs"])
        assert [t.index for t in op.outputs] == list(node["outputs"])
    details = {each["index"]: each for each in interpreter.get_tensor_details()}
    for tensor in graph.tensors:
        detail, grid = details[tensor.index], details[tensor.index]["quantization_parameters"]
        assert (tensor.name, tensor.shape) == (detail["name"], tuple(detail["shape"]))
        assert tensor.dtype.lower() == np.dtype(detail["dtype"]).name
        np.testing.assert_array_equal(tensor.scales, grid["scales"])
        np.testing.assert_array_equal(tensor.zero_points, grid["zero_points"])
        assert (tensor.grid or (0.0, 0)) == detail["quantization"] or len(tensor.scales) > 1


@pytest.mark.parametrize("form", FORMS)
def test_weights_are_those_that_run_also_where_they_are_unpacked_first(form: str) -> None:
    path = FILES / form / "model.tflite"
    graph, interpreter = read_tflite(path).main, load_interpreter(path, kernels=PLAIN)
    kernels = [op.kernel for op in graph.operators if op.kind.has_kernel]
    stored = {"dynamic_range": "INT8"}.get(form, form.upper())
    assert len(kernels) == 93
    assert stored in {kernel.dtype for kernel in kernels if kernel}
    for kernel in kernels:
        assert kernel is not None
        np.testing.assert_array_equal(kernel.values, interpreter.get_tensor(kernel.index))
    assert all(op.kernel is None for op in graph.operators if not op.kind.has_kernel)


def test_an_operator_that_is_not_litert_s_is_explicit() -> None:
    model = unpack(INT8)
    code = model.operatorCodes[0]
    code.builtinCode = code.deprecatedBuiltinCode = 32  # CUSTOM
    code.customCode = b"Erf"
    found = {op.kind for op in read_tflite(pack(model)).main.operators if op.kind.is_custom}
    assert {(kind.name, kind.has_kernel) for kind in found} == {("Erf", False)}


def test_signatures_are_read() -> None:
    assert read_tflite(INT8).signatures == ("serving_default",)


def with_unknown_operator() -> bytes:
    model = unpack(INT8)
    model.operatorCodes[0].builtinCode = 9999
    return pack(model)


def with_a_tensor_there_is_not() -> bytes:
    model = unpack(INT8)
    model.subgraphs[0].operators[3].inputs = np.array([10**6], np.int32)
    return pack(model)


def with_no_graph() -> bytes:
    model = unpack(INT8)
    model.subgraphs = []
    return pack(model)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no model",
        bytes(64),
        INT8[:200],
        INT8[:4] + b"XXXX" + INT8[8:],
        with_unknown_operator(),
        with_a_tensor_there_is_not(),
        with_no_graph(),
    ],
    ids=["empty", "text", "zeros", "cut", "other mark", "operator", "tensor", "no graph"],
)
def test_every_damage_is_the_same_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"^model\.tflite cannot be read as a \.tflite file\."):
        read_tflite(path)
    with pytest.raises(ModelError, match="The model cannot be read"):
        read_tflite(content)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no file none"):
        read_tflite(tmp_path / "none.tflite")


def test_flipped_bytes_are_read_or_refused_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    whole = np.frombuffer(INT8, np.uint8)
    refused = 0
    for _ in range(20):
        damaged = whole.copy()
        # The structure of the file is at its end; before it there are mostly weights.
        places = rng.integers(len(whole) - 60_000, len(whole), 20)
        damaged[places] = rng.integers(0, 256, 20)
        try:
            read_tflite(damaged.tobytes())
        except ModelError:
            refused += 1
    assert 0 < refused < 20
