from __future__ import annotations

import numpy as np
from quantized_models import Quantized

import tensorflow as tf


def test_a_frozen_model_has_one_signature_one_image_and_no_variables(small: Quantized) -> None:
    loaded = tf.saved_model.load(str(small.frozen))
    serve = loaded.signatures["serving_default"]
    assert list(loaded.signatures) == ["serving_default"]
    assert serve.structured_input_signature == (
        (),
        {"image": tf.TensorSpec((1, 16, 16, 3), tf.float32, name="image")},
    )
    assert serve.structured_outputs == {
        "probabilities": tf.TensorSpec((1, 4), tf.float32, name="probabilities")
    }
    assert not serve.variables
    assert not serve.captured_inputs


def test_a_frozen_model_answers_as_the_keras_one(small: Quantized) -> None:
    serve = tf.saved_model.load(str(small.frozen)).signatures["serving_default"]
    for image in small.images[:4].astype(np.float32):
        found = serve(image=image[np.newaxis])["probabilities"].numpy()
        expected = small.model(image[np.newaxis], training=False).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_float_graph_has_no_fake_quant_and_says_so(quantized: Quantized) -> None:
    assert quantized.frozen.is_dir()
    assert quantized.float_counts == {"per_channel": 0, "per_tensor": 0}
