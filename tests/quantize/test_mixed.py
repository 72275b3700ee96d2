"""Mixed files: exactly the operators asked for compute in floats, and XNNPACK takes it whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from quantized_models import Quantized

from effq_core.base.errors import StageError
from effq_core.experiment.mixed import Precision
from effq_core.measure.gates.recipe_as_asked import computed, recipe_gate
from effq_core.quantize.calibration import Ranges
from effq_core.quantize.convert import quantize_mixed
from effq_core.runtimes.model import ModelPool
from effq_core.runtimes.registry import inspect_file
from effq_core.tflite.file import read_tflite
from effq_core.tflite.network import BlockKind, Network, read_network
from effq_core.tflite.recipe import Recipe

F16, F32 = Precision.FLOAT16, Precision.FLOAT32


def ranges(model: Quantized) -> Ranges:
    return model.statistics.ranges("min_max", 100)


def network(model: Quantized) -> Network:
    return read_network(model.file("float32"))


def mixed(model: Quantized, keep: tuple[str, ...], precision: Precision) -> bytes:
    floats = network(model).tensors_of(keep)
    return quantize_mixed(model.file("float32").read_bytes(), ranges(model), floats, precision)


def recipe(keep: tuple[str, ...], precision: Precision) -> Recipe:
    return Recipe(keep=keep, precision=precision, method="min_max", percentile=100, suggested=False)


def regions(model: Quantized, keep: tuple[str, ...]) -> int:
    """Counts the uninterrupted pieces of a chain of blocks that are kept."""
    kept = [block.name in keep for block in network(model).blocks]
    return sum(own and not before for own, before in zip(kept, [False, *kept], strict=False))


@pytest.mark.parametrize(
    ("name", "keep", "precision"),
    [
        ("v2", ("block1a", "block5e"), F16),
        ("v2", ("stem",), F32),
        ("v2", ("block6h", "head"), F16),
        ("v2", ("block4b_dwconv2", "block5a_se_reduce", "predictions"), F16),
        ("v2", ("residuals", "depthwise"), F16),
        ("lite0", ("stem", "block1a", "block4c"), F16),
        ("lite0", ("head",), F32),
        ("small", ("dwconv",), F16),
        ("small", ("stem", "predictions"), F32),
    ],
)
def test_exactly_the_operators_asked_for_compute_in_floats(
    request: pytest.FixtureRequest, name: str, keep: tuple[str, ...], precision: Precision
) -> None:
    model = request.getfixturevalue(name)
    content = mixed(model, keep, precision)
    gate = recipe_gate(model.file("float32"), content, recipe(keep, precision))
    assert gate.passed, gate.detail
    # Not only by the gate: operator by operator, the kernels' own type included.
    wanted = set(network(model).tensors_of(keep))
    ops = sorted(network(model).ops, key=lambda op: op.index)
    for op, own in zip(ops, computed(content), strict=True):
        kept = op.tensor in wanted
        assert ("INT8" in own.types) is not kept, op.tensor
        assert own.kernel == ("" if not op.kernel else precision.name if kept else "INT8")
    path = model.folder / "mixed.tflite"
    path.write_bytes(content)
    report = inspect_file(path)
    assert report.partitions == 1
    assert (report.inputs[0].dtype, report.outputs[0].dtype) == ("INT8", "INT8")


def test_each_uninterrupted_region_costs_one_pair_of_conversions(v2: Quantized) -> None:
    for keep in (("block5b",), ("block2a", "block2b", "block5b")):
        kinds = kinds_of(mixed(v2, keep, F32))
        assert kinds.count("QUANTIZE") == kinds.count("DEQUANTIZE") == regions(v2, keep)


def test_float16_kernels_take_one_byte_a_weight_more_than_int8(v2: Quantized) -> None:
    int8 = len(mixed(v2, (), F16))
    weights = network(v2).by_name["block6h"].weights
    extra16 = len(mixed(v2, ("block6h",), F16)) - int8
    extra32 = len(mixed(v2, ("block6h",), F32)) - int8
    # Less what int8 stores for itself: a scale and a zero point of 64 bits a channel.
    assert 0.8 * weights < extra16 < weights
    assert 2.8 * weights < extra32 < 3 * weights
    assert extra32 - extra16 == pytest.approx(2 * weights, rel=0.02)


def test_nothing_kept_is_int8_to_the_last_byte(lite0: Quantized) -> None:
    assert mixed(lite0, (), F16) == lite0.file("int8").read_bytes()


def test_all_kept_answers_as_float32_does_up_to_the_steps_of_the_output(small: Quantized) -> None:
    path = small.folder / "all.tflite"
    path.write_bytes(mixed(small, tuple(network(small).by_name), F32))
    found = ModelPool(path).predict_many(small.images)
    expected = ModelPool(small.file("float32")).predict_many(small.images)
    np.testing.assert_allclose(found, expected, atol=1 / 256)


def test_a_float_output_has_no_steps(small: Quantized) -> None:
    content = small.file("float32").read_bytes()
    everything = {op.tensor for op in network(small).ops}
    path = small.folder / "all_float.tflite"
    path.write_bytes(quantize_mixed(content, ranges(small), everything, F32, float_output=True))
    found = ModelPool(path).predict_many(small.images)
    expected = ModelPool(small.file("float32")).predict_many(small.images)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_lite0_has_blocks_and_another_model_a_block_a_kernel(
    lite0: Quantized, small: Quantized
) -> None:
    blocks = network(lite0).blocks
    assert [block.name for block in blocks[:2]] == ["stem", "block1a"]
    assert blocks[-1].kind is BlockKind.HEAD
    # Tan and Le 2019: 16 blocks; Lite has no squeeze-and-excite.
    middle = blocks[1:-1]
    assert len(middle) == 16
    assert {block.kind for block in middle} == {BlockKind.MBCONV}
    assert not any(block.has_se for block in middle)
    named = network(small).by_name
    assert {"dwconv", "se_reduce", "se_expand", "project"} <= set(named)
    assert sum(len(block.ops) for block in named.values()) == len(network(small).ops)


def test_a_name_that_no_operator_has_is_refused(small: Quantized) -> None:
    content = small.file("float32").read_bytes()
    with pytest.raises(StageError, match="no_such_tensor"):
        quantize_mixed(content, ranges(small), {"no_such_tensor"}, F16)


def test_a_recipe_is_read_as_it_was_written(small: Quantized) -> None:
    written = replace(recipe(("stem", "head"), F16), suggested=True)
    written.save(small.folder)
    assert Recipe.load(small.folder) == written


def kinds_of(content: bytes) -> list[str]:
    """Lists the kinds of a file's operators."""
    return [op.kind.name for op in read_tflite(content).main.operators]
