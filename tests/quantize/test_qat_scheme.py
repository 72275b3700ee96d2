from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from quantized_models import SILENT, V2, Quantized, small_net

from effq_core.measure.gates.fake_quant_count import expected_fake_quant, fake_quant_gate
from effq_core.quantize.fake_quant import Phase, WeightsQuantizer, phase, update_weight_ranges
from effq_core.quantize.finetune import observe_ranges, predict
from effq_core.quantize.freeze import freeze
from effq_core.quantize.qat_scheme import insert_fake_quant
from effq_core.runtimes.model import ModelPool

import tensorflow_model_optimization as tfmot
import tf_keras as keras


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
    fake = insert_fake_quant(small_net(), V2)
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
    once, pieces = insert_fake_quant(small_net(), V2), insert_fake_quant(small_net(), V2)
    observe_ranges(once, images, SILENT)
    for part in (images[20:], images[:7], images[7:20]):
        observe_ranges(pieces, part, SILENT)
    for a, b in zip(once.get_weights(), pieces.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


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


def test_the_float_model_is_left_as_it_was() -> None:
    model = small_net()
    before = [w.copy() for w in model.get_weights()]
    names = [layer.name for layer in model.layers]
    fake = insert_fake_quant(model, V2)
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


@pytest.mark.parametrize(
    ("kind", "arguments"), [("Conv2D", (8, 3)), ("DepthwiseConv2D", (3,)), ("Dense", (8,))]
)
def test_a_kernel_right_before_a_relu_keeps_its_range(
    kind: str, arguments: tuple[int, ...], photos: np.ndarray, tmp_path: Any
) -> None:
    layers, images = keras.layers, photos[:, ::4, ::4].copy()
    image = keras.Input(images.shape[1:])
    x = layers.ReLU()(getattr(layers, kind)(*arguments, name="plain")(image))
    x = layers.Activation("relu")(getattr(layers, kind)(*arguments)(x))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(3, activation="softmax")(x))
    made = Quantized(model, images, tmp_path)
    assert made.fake.get_layer("quant_plain")._weight_vars
    assert made.frozen_qat.is_dir()
    gate = fake_quant_gate(made.qat_counts, expected_fake_quant(made.report("float32")))
    assert gate.passed, gate.detail
