from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from quantized_models import SILENT, Quantized, small_net

from effq_core.measure.gates import fake_quant_gate
from effq_core.measure.runtime import ModelPool
from effq_core.pipeline.stages.report import expected_fake_quant
from effq_core.quantize.finetune import observe_ranges, predict
from effq_core.quantize.freeze import freeze
from effq_core.quantize.qat_scheme import (
    RANGE_DECAY,
    ActivationQuantizer,
    InputQuantizer,
    Phase,
    WeightsQuantizer,
    insert_fake_quant,
    phase,
    update_weight_ranges,
)

small_floats = st.floats(-100, 100, width=32)


def built(quantizer: Any, shape: tuple[int | None, ...]) -> dict[str, Any]:
    return dict(quantizer.build(tf.TensorShape(shape), "tensor", keras.layers.Layer()))


def call(quantizer: Any, variables: dict[str, Any], values: np.ndarray) -> np.ndarray:
    return np.asarray(quantizer(tf.constant(values, tf.float32), False, variables))


def ends(variables: dict[str, Any]) -> tuple[float, float]:
    return float(variables["min_var"]), float(variables["max_var"])


@pytest.mark.parametrize(("name", "counts"), [("v2", (92, 198)), ("lite0", (50, 63))])
def test_a_real_architecture_gets_the_fake_quants_it_needs(
    name: str, counts: tuple[int, int], request: pytest.FixtureRequest
) -> None:
    quantized = request.getfixturevalue(name)
    assert quantized.frozen_qat.is_dir()
    expected = expected_fake_quant(quantized.report("float32"))
    gate = fake_quant_gate(quantized.qat_counts, expected)
    assert gate.passed, gate.detail
    assert (expected["per_channel"], expected["per_tensor"]) == counts


def test_every_kind_of_operator_gets_its_fake_quant(small: Quantized) -> None:
    assert small.frozen_qat.is_dir()
    # normalise, stem, dwconv, se_reduce, se_expand, project
    assert small.qat_counts["per_channel"] == 6
    gate = fake_quant_gate(small.qat_counts, expected_fake_quant(small.report("float32")))
    assert gate.passed, gate.detail


def test_the_papers_way_inserts_none_and_the_gate_says_so(small: Quantized, tmp_path: Any) -> None:
    class NoOp(tfmot.quantization.keras.QuantizeConfig):
        def get_weights_and_quantizers(self, layer: Any) -> list:
            return []

        def get_activations_and_quantizers(self, layer: Any) -> list:
            return []

        def set_quantize_weights(self, layer: Any, quantize_weights: Any) -> None: ...

        def set_quantize_activations(self, layer: Any, quantize_activations: Any) -> None: ...

        def get_output_quantizers(self, layer: Any) -> list:
            return []

        def get_config(self) -> dict:
            return {}

    layers = keras.layers
    kinds = (
        *(layers.Add, layers.Multiply, layers.Activation),
        *(layers.GlobalAveragePooling2D, layers.Dropout),
    )
    annotated = 0

    def annotate(layer: Any) -> Any:
        nonlocal annotated
        if not isinstance(layer, kinds):
            return layer
        annotated += 1
        return tfmot.quantization.keras.quantize_annotate_layer(layer, NoOp())

    with tfmot.quantization.keras.quantize_scope({"NoOp": NoOp}):
        model = keras.models.clone_model(small.model, clone_function=annotate)
        papers = tfmot.quantization.keras.quantize_apply(model)
    assert annotated == 7
    counts = freeze(papers, tmp_path / "papers")
    assert counts == {"per_channel": 0, "per_tensor": 0}
    gate = fake_quant_gate(counts, expected_fake_quant(small.report("float32")))
    assert (gate.passed, gate.value) == (False, 0)
    assert not fake_quant_gate(counts, counts).passed


@pytest.mark.parametrize("name", ["small", "lite0"])
def test_observing_changes_no_answer(name: str, request: pytest.FixtureRequest) -> None:
    quantized = request.getfixturevalue(name)
    fake = quantized.fake
    before = fake.get_weights()
    pixels = quantized.images[:4].astype(np.float32)
    with phase(Phase.OBSERVE):
        observed = fake(pixels, training=False).numpy()
    fake.set_weights(before)
    assert np.array_equal(observed, quantized.model(pixels, training=False).numpy())


def test_ranges_are_the_mean_over_images_of_each_images_extremes(small: Quantized) -> None:
    fake = insert_fake_quant(small_net())
    observe_ranges(fake, small.images[:11], SILENT)
    layers = {
        "quant_se_excite": "se_excite",
        "quant_project_bn": "project_bn",
        "quant_add": "add",
        "quant_avg_pool": "avg_pool",
        "quant_dwconv_activation": "dwconv_activation",
    }
    probe = keras.Model(
        small.model.input, [small.model.get_layer(n).output for n in layers.values()]
    )
    values = probe(small.images[:11].astype(np.float32), training=False)
    for name, tensor in zip(layers, values, strict=True):
        images = tensor.numpy().reshape(11, -1)
        low = np.minimum(images.min(axis=1), 0).mean()
        high = np.maximum(images.max(axis=1), 0).mean()
        found = {w.name.split("/")[-1]: w.numpy() for w in fake.get_layer(name).weights}
        (minimum,) = (v for k, v in found.items() if k.endswith("_min:0") and v.shape == ())
        (maximum,) = (v for k, v in found.items() if k.endswith("_max:0") and v.shape == ())
        assert (minimum, maximum) == pytest.approx((low, high), rel=1e-4, abs=1e-6), name
        (seen,) = (v for k, v in found.items() if k.endswith("_seen:0"))
        assert seen == 11


def test_observing_in_pieces_is_observing_at_once(photos: np.ndarray) -> None:
    images = np.concatenate([photos[:, ::4, ::4], photos[::-1, 1::4, 1::4]])[:25]  # 16 and 9
    once, pieces = insert_fake_quant(small_net()), insert_fake_quant(small_net())
    observe_ranges(once, images, SILENT)
    for part in (images[20:], images[:7], images[7:20]):
        observe_ranges(pieces, part, SILENT)
    for a, b in zip(once.get_weights(), pieces.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


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


def test_every_convolution_of_a_model_has_one_range_a_channel(v2: Quantized) -> None:
    checked: dict[str, int] = {}
    for layer in v2.fake.layers:
        for weight, quantizer, variables in getattr(layer, "_weight_vars", ()):
            kind = type(layer.layer).__name__
            channels = {"Conv2D": 3, "DepthwiseConv2D": 2}.get(kind)
            shape = () if channels is None else (weight.shape[channels],)
            assert variables["max_var"].shape == shape, layer.name
            assert isinstance(quantizer, WeightsQuantizer)
            checked[kind] = checked.get(kind, 0) + 1
    assert checked == {"Conv2D": 75, "DepthwiseConv2D": 17, "Dense": 1}


def test_weight_ranges_follow_the_weights(small: Quantized) -> None:
    fake = insert_fake_quant(small_net())
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


def test_the_float_model_is_left_as_it_was() -> None:
    model = small_net()
    before = [w.copy() for w in model.get_weights()]
    names = [layer.name for layer in model.layers]
    fake = insert_fake_quant(model)
    update_weight_ranges(fake)
    assert [layer.name for layer in model.layers] == names
    assert all(map(np.array_equal, model.get_weights(), before))


def test_fake_quant_does_something_but_not_much(quantized: Quantized) -> None:
    floats, fakes = (
        predict(m, quantized.images, SILENT) for m in (quantized.model, quantized.fake)
    )
    assert not np.array_equal(floats, fakes)
    assert np.abs(floats - fakes).mean() < 0.05


@pytest.mark.parametrize(("name", "mean"), [("small", 2e-3), ("lite0", 3e-4), ("v2", 5e-3)])
def test_the_file_answers_as_the_fake_quant_model(
    name: str, mean: float, request: pytest.FixtureRequest
) -> None:
    quantized = request.getfixturevalue(name)
    expected = predict(quantized.fake, quantized.images, SILENT)
    found = ModelPool(quantized.file("qat")).predict_many(quantized.images)
    assert np.abs(found - expected).mean() < mean
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.9
    floats = predict(quantized.model, quantized.images, SILENT)
    assert np.abs(found - expected).mean() < np.abs(floats - expected).mean()
