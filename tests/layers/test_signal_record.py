from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import StoreError
from effq_core.layers.signal_record import SignalRecord
from effq_core.layers.signal_tensors import KernelSignal, TensorSignal

TENSOR = TensorSignal(
    tensor="net/block1a_project_conv/Conv2D",
    layer="block1a_project_conv",
    block="block1a",
    kind="CONV_2D",
    images=4,
    sqnr_db=31.25,
    typical_db=30.5,
    channel_db=29.0,
    cosine=0.9996,
    low=-3.5,
    high=4.25,
    int8_low=-3.2,
    int8_high=3.175,
    scale=0.025,
    zero_point=0,
    clipped_share=0.015,
    histogram=np.array([0, 5, 9, 2], np.int64),
    edges=np.linspace(-3.5, 4.5, 5),
)
KERNEL = KernelSignal(
    tensor=TENSOR.tensor,
    layer=TENSOR.layer,
    block=TENSOR.block,
    kind=TENSOR.kind,
    shape=(3, 1, 1, 2),
    low=np.array([-1, -2, 0], np.float32),
    high=np.array([1, 3, 0], np.float32),
    scales=np.array([1 / 127, 3 / 127, 1], np.float32),
    spread=3.0,
    sqnr_db=math.inf,
    histogram=np.array([1, 4, 1], np.int64),
    edges=np.linspace(-2, 3, 4),
)
# Nothing lost, nothing but zeros, and a tensor that is kept in floats.
EXACT = replace(TENSOR, tensor="a", sqnr_db=math.inf, typical_db=math.inf, channel_db=math.inf)
EMPTY = replace(TENSOR, tensor="b", block="block1b", sqnr_db=-math.inf, cosine=0.0, low=0, high=0)
KEPT = replace(
    TENSOR,
    tensor="c",
    block="block1b",
    scale=None,
    zero_point=None,
    int8_low=-math.inf,
    int8_high=math.inf,
    clipped_share=0.0,
)
RECORD = SignalRecord(
    images=4,
    agreed=3,
    tensors=(EXACT, TENSOR, EMPTY, KEPT),
    kernels=(KERNEL, replace(KERNEL, scales=np.zeros(0, np.float32), spread=math.inf)),
)


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    RECORD.save(tmp_path)
    found = SignalRecord.load(tmp_path)
    assert (found.images, found.agreed) == (4, 3)
    for made, read in zip(
        (*RECORD.tensors, *RECORD.kernels), (*found.tensors, *found.kernels), strict=True
    ):
        for name, value in vars(made).items():
            if isinstance(value, np.ndarray):
                assert np.allclose(value, getattr(read, name), rtol=1e-12), name
                assert value.dtype == getattr(read, name).dtype
            else:
                assert value == getattr(read, name), name


def test_what_is_infinite_is_json_that_every_reader_takes(tmp_path: Path) -> None:
    RECORD.save(tmp_path)

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    plain = json.loads((tmp_path / "signal.json").read_text(), parse_constant=refuse)
    assert float(plain["tensors"][0]["sqnr_db"]) == math.inf


@pytest.mark.parametrize("file", ["signal.json", "signal.npz"])
def test_a_missing_or_cut_off_file_is_told(tmp_path: Path, file: str) -> None:
    RECORD.save(tmp_path)
    whole = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="cannot be read"):
        SignalRecord.load(tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        SignalRecord.load(tmp_path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("clipped_share", 1.5),
        ("cosine", -2),
        ("sqnr_db", "nan"),
        ("low", 100.0),
        ("low", None),
        ("scale", 0),
        ("scale", None),
        ("images", 0),
        ("bins", 400),
        ("bins", -1),
        ("edges", [1.0, 1.0]),
        ("int8_low", "inf"),
    ],
)
def test_values_that_cannot_be_are_damage(tmp_path: Path, field: str, value: object) -> None:
    RECORD.save(tmp_path)
    path = tmp_path / "signal.json"
    plain = json.loads(path.read_text())
    assert field in plain["tensors"][1]
    plain["tensors"][1][field] = value
    path.write_text(json.dumps(plain))
    with pytest.raises(StoreError, match="run the experiment again"):
        SignalRecord.load(tmp_path)


@pytest.mark.parametrize(
    ("field", "value"), [("channels", 0), ("scales", 2), ("spread", 0.5), ("sqnr_db", "nan")]
)
def test_kernels_that_cannot_be_are_damage(tmp_path: Path, field: str, value: object) -> None:
    RECORD.save(tmp_path)
    path = tmp_path / "signal.json"
    plain = json.loads(path.read_text())
    plain["kernels"][0][field] = value
    path.write_text(json.dumps(plain))
    with pytest.raises(StoreError):
        SignalRecord.load(tmp_path)


def test_another_format_asks_for_another_effq(tmp_path: Path) -> None:
    RECORD.save(tmp_path)
    path = tmp_path / "signal.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(StoreError, match="format 2"):
        SignalRecord.load(tmp_path)


def test_a_block_is_summed_up_by_its_output_and_its_worst() -> None:
    first, second = RECORD.by_block()
    assert (first.block, second.block) == ("block1a", "block1b")
    assert first.input_db == math.inf and first.output_db == second.input_db == 29.0
    assert first.output is TENSOR
    assert first.widest is not None and first.widest.spread == math.inf
    assert second.output is KEPT
    assert second.widest is None
    assert second.lost_db == 0.0


def test_the_share_of_the_int8_range_that_is_used_is_of_what_both_have() -> None:
    assert TENSOR.used_share == 1.0  # clipped at both ends
    half = replace(TENSOR, low=0.0, high=3.175)
    assert half.used_share == pytest.approx(3.175 / 6.375)
    assert KEPT.used_share is None
