"""Which quantized inputs fit the preprocessing that was said, and which certainly do not."""

from __future__ import annotations

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from effq_core.base.errors import ModelError
from effq_core.intake.checking_tflite import fit
from effq_core.models.file_input import Feeding
from effq_core.models.own.card import Preprocessing

SIDE = 4
_TYPES = {"uint8": schema.TensorType.UINT8, "int8": schema.TensorType.INT8}
_ENDS = {
    Preprocessing.RAW: (0.0, 255.0),
    Preprocessing.ZERO_ONE: (0.0, 1.0),
    Preprocessing.MINUS_ONE_ONE: (-1.0, 1.0),
    Preprocessing.IMAGENET: (-2.118, 2.64),
    Preprocessing.CAFFE: (-123.68, 151.061),
}
"""What each preprocessing makes of 0 and 255, over all channels."""


def a_file(path: Path, kind: str, scale: float, zero_point: int) -> Path:
    """Writes a file that does nothing but take an input of this scale."""

    def tensor(name: str, of: int) -> schema.TensorT:
        made = schema.TensorT()
        made.name, made.type, made.shape = name, of, [1, SIDE, SIDE, 3]
        return made

    taken, given = tensor("in", _TYPES[kind]), tensor("out", schema.TensorType.FLOAT32)
    taken.quantization = schema.QuantizationParametersT()
    taken.quantization.scale, taken.quantization.zeroPoint = [scale], [zero_point]
    code, op = schema.OperatorCodeT(), schema.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version, op.opcodeIndex, op.inputs, op.outputs = 2, 0, [0], [1]
    graph, model = schema.SubGraphT(), schema.ModelT()
    graph.tensors, graph.operators = [taken, given], [op]
    graph.inputs, graph.outputs = [0], [1]
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def calibrated(path: Path, kind: str, low: float, high: float) -> Path:
    """The same, its scale made of a range as converters do."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = (high - low) / 255
    return a_file(path, kind, scale, round(np.iinfo(kind).min - low / scale))


@pytest.mark.parametrize("kind", ["uint8", "int8"])
@pytest.mark.parametrize("way", _ENDS)
@pytest.mark.parametrize("narrower", [0.0, 0.1], ids=["whole", "a fifth narrower"])
def test_the_right_preprocessing_is_taken_and_every_wrong_one_is_not(
    tmp_path: Path, kind: str, way: Preprocessing, narrower: float
) -> None:
    low, high = _ENDS[way]
    path = calibrated(
        tmp_path / "m.tflite", kind, low + narrower * (high - low), high - narrower * (high - low)
    )
    found = fit(path, way)
    assert (found.note, found.fed) == ("", None)
    assert found.feeding.normalisation == Feeding.of(way.normalisation).normalisation
    for wrong in _ENDS:
        if wrong is way:
            continue
        try:
            fed = fit(path, wrong).fed
        except ModelError as error:
            assert error.hint == "Choose the preprocessing the model was trained with."
        else:  # 0 to 255 in a few steps: what is fed are the bytes themselves
            assert wrong is Preprocessing.RAW and fed


@pytest.mark.parametrize(
    ("kind", "scale", "zero_point"),
    [
        ("uint8", 1 / 127.5, 127),
        ("uint8", 1 / 127.5, 128),
        ("uint8", 1 / 128, 128),
        ("int8", 1 / 127.5, 0),
        ("int8", 1 / 127.5, -1),
        ("int8", 1 / 127, 0),
    ],
)
def test_usual_scales_of_minus_one_to_one_are_taken_as_such(
    tmp_path: Path, kind: str, scale: float, zero_point: int
) -> None:
    path = a_file(tmp_path / "m.tflite", kind, scale, zero_point)
    assert not fit(path, Preprocessing.MINUS_ONE_ONE).note
    if scale == 1 / 127:
        return  # the next test is about it
    with pytest.raises(ModelError, match=r"12[789] of 256 pixel values stay apart"):
        fit(path, Preprocessing.ZERO_ONE)


@pytest.mark.parametrize("way", [Preprocessing.ZERO_ONE, Preprocessing.RAW, Preprocessing.INSIDE])
def test_a_symmetric_scale_uses_half_of_its_steps_and_is_noted(
    tmp_path: Path, way: Preprocessing
) -> None:
    most = 1.0 if way is Preprocessing.ZERO_ONE else 255.0
    found = fit(a_file(tmp_path / "m.tflite", "int8", most / 127, 0), way)
    assert "only 128 of 256 pixel values stay apart" in found.note
    with pytest.raises(ModelError, match="stay apart"):  # no symmetric type has no sign
        fit(a_file(tmp_path / "u.tflite", "uint8", most / 127, 0), way)
