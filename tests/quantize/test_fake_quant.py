from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from quantized_models import V2, small_net

from effq_core.quantize.fake_quant import (
    RANGE_DECAY,
    ActivationQuantizer,
    InputQuantizer,
    Phase,
    WeightsQuantizer,
    phase,
    update_weight_ranges,
)
from effq_core.quantize.qat_scheme import insert_fake_quant

import tensorflow as tf
import tf_keras as keras

small_floats = st.floats(-100, 100, width=32)


def built(quantizer: Any, shape: tuple[int | None, ...]) -> dict[str, Any]:
    return dict(quantizer.build(tf.TensorShape(shape), "tensor", keras.layers.Layer()))


def call(quantizer: Any, variables: dict[str, Any], values: np.ndarray) -> np.ndarray:
    return np.asarray(quantizer(tf.constant(values, tf.float32), False, variables))


def ends(variables: dict[str, Any]) -> tuple[float, float]:
    return float(variables["min_var"]), float(variables["max_var"])


@given(hnp.arrays(np.float32, (3, 5), elements=small_floats))
def test_observing_records_and_passes_values_through(values: np.ndarray) -> None:
    quantizer = ActivationQuantizer()
    variables = built(quantizer, (None, 5))
    assert ends(variables) == (-6, 6)
    with phase(Phase.OBSERVE):
        assert np.array_equal(call(quantizer, variables, values), values)
    low = np.minimum(values.min(axis=1), 0).mean()
    high = np.maximum(values.max(axis=1), 0).mean()
    assert ends(variables) == pytest.approx((low, high), rel=1e-5, abs=1e-5)
    assert float(variables["seen"]) == 3


@given(hnp.arrays(np.float32, (2, 5), elements=small_floats))
def test_training_moves_the_range_by_a_hundredth(values: np.ndarray) -> None:
    quantizer = ActivationQuantizer()
    variables = built(quantizer, (None, 5))
    with phase(Phase.TRAIN):
        call(quantizer, variables, values)
    low = np.minimum(values.min(axis=1), 0).mean()
    high = np.maximum(values.max(axis=1), 0).mean()
    moved = (-6 * RANGE_DECAY + 0.01 * low, 6 * RANGE_DECAY + 0.01 * high)
    assert RANGE_DECAY == 0.99
    assert ends(variables) == pytest.approx(moved, rel=1e-5)
    assert float(variables["seen"]) == 0


@given(hnp.arrays(np.float32, (2, 5), elements=small_floats))
def test_inferring_quantizes_and_moves_nothing(values: np.ndarray) -> None:
    quantizer = ActivationQuantizer()
    variables = built(quantizer, (None, 5))
    found = call(quantizer, variables, values)
    assert ends(variables) == (-6, 6)
    step = 12 / 255
    inside = np.clip(values, -6, 6)
    assert np.abs(found - inside).max() <= step  # half of it, and half for moving zero
    assert np.allclose(found / step, np.rint(found / step), atol=1e-3)
    assert np.array_equal(call(quantizer, variables, np.zeros((1, 5))), np.zeros((1, 5)))


def test_a_phase_ends_with_its_context_even_after_an_error() -> None:
    quantizer = ActivationQuantizer()
    variables = built(quantizer, (None, 1))
    with pytest.raises(RuntimeError), phase(Phase.OBSERVE):
        raise RuntimeError
    assert call(quantizer, variables, np.array([[100.0]])) == pytest.approx(6, abs=0.05)


def test_the_input_keeps_every_pixel_value_and_clips_what_is_none() -> None:
    quantizer = InputQuantizer()
    assert built(quantizer, (None, 256)) == {}
    pixels = np.arange(256, dtype=np.float32)
    for each in Phase:
        with phase(each):
            assert np.array_equal(call(quantizer, {}, pixels), pixels)
    assert np.array_equal(call(quantizer, {}, np.array([-5.0, 300.0, 7.4])), [0, 255, 7])


@pytest.mark.parametrize(("axis", "shape"), [(3, (3, 3, 2, 4)), (2, (3, 3, 4, 1)), (None, (6, 5))])
@settings(max_examples=25)
@given(data=st.data())
def test_a_kernels_range_is_its_largest_magnitude_and_holds_every_weight(
    axis: int | None, shape: tuple[int, ...], data: st.DataObject
) -> None:
    kernel = data.draw(hnp.arrays(np.float32, shape, elements=small_floats))
    quantizer = WeightsQuantizer(axis)
    variables = built(quantizer, shape)
    others = tuple(i for i in range(len(shape)) if i != axis)
    largest = np.maximum(np.abs(kernel).max(axis=others), np.float32(1e-12))
    with phase(Phase.OBSERVE):
        assert np.array_equal(call(quantizer, variables, kernel), kernel)
    assert np.array_equal(variables["max_var"].numpy(), largest)
    assert np.array_equal(variables["min_var"].numpy(), -largest)
    found = call(quantizer, variables, kernel)
    shaped = largest if axis is None else np.expand_dims(largest, others)
    assert (np.abs(found - kernel) <= shaped / 127 * 0.501).all()


def test_channels_of_a_depthwise_kernel_do_not_disturb_each_other() -> None:
    kernel = np.random.default_rng(0).normal(0, 1, (3, 3, 4, 1)).astype(np.float32)
    kernel *= np.array([1e-3, 1, 1e3, 1e-6], np.float32).reshape(1, 1, 4, 1)
    quantizer = WeightsQuantizer(2)
    variables = built(quantizer, kernel.shape)
    with phase(Phase.TRAIN):
        found = call(quantizer, variables, kernel)
    errors = np.abs(found - kernel).max(axis=(0, 1, 3)) / np.abs(kernel).max(axis=(0, 1, 3))
    assert found.shape == kernel.shape
    assert (errors < 1 / 250).all()
    assert (errors > 0).all()


def test_weight_ranges_follow_the_weights() -> None:
    fake = insert_fake_quant(small_net(), V2)
    entries = [entry for layer in fake.layers for entry in getattr(layer, "_weight_vars", ())]
    assert len(entries) == 7
    for weight, _, variables in entries:
        assert np.unique(variables["max_var"].numpy()) == [6]
        weight.assign(weight * 3)
    update_weight_ranges(fake)
    for weight, quantizer, variables in entries:
        others = tuple(i for i in range(weight.shape.rank) if i != quantizer.axis)
        largest = np.abs(weight.numpy()).max(axis=others)
        assert np.array_equal(variables["max_var"].numpy(), largest)
        assert np.array_equal(variables["min_var"].numpy(), -largest)
