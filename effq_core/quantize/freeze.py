"""Freezing: one constant, fixed-batch graph that every variant is converted from (TensorFlow)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from effq_core.base.tensorflow import tf

from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

SIGNATURE = "serving_default"
INPUT = "image"
OUTPUT = "probabilities"


def freeze(model: Any, folder: Path) -> dict[str, int]:
    """Writes a Keras model, from ``(n, side, side, 3)`` to ``(n, classes)``, as constants.

    Converting each variant from these takes a fraction of the time; a batch fixed to one image
    needs no operators for shapes. Returns numbers of fake-quants: ``per_channel`` and
    ``per_tensor``.
    """
    spec = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32, name=INPUT)
    traced = tf.function(lambda image: model(image, training=False), input_signature=[spec])
    constant = convert_variables_to_constants_v2(traced.get_concrete_function())
    module = tf.Module()
    module.serve = tf.function(lambda image: {OUTPUT: constant(image)[0]}, input_signature=[spec])
    tf.saved_model.save(
        module,
        str(folder),
        signatures={SIGNATURE: module.serve.get_concrete_function()},
        # swish has a custom gradient, which a graph of constants cannot carry and nobody needs.
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )
    kinds = Counter(op.type for op in constant.graph.get_operations())
    per_channel = kinds["FakeQuantWithMinMaxVarsPerChannel"]
    per_tensor = kinds["FakeQuantWithMinMaxVars"] + kinds["FakeQuantWithMinMaxArgs"]
    return {"per_channel": per_channel, "per_tensor": per_tensor}
