"""Fake-quant operators that observe before they train, as TF-MOT's do not (TensorFlow)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import Any

from effq_core.base.tensorflow import keras, tf

from tensorflow_model_optimization.python.core.quantization.keras import quantizers

RANGE_DECAY = 0.99  # a step's weight in an activation's moving range while training is 1 - this


class Phase(Enum):
    """What quantizers do with the values that pass through them."""

    OBSERVE = "observe"  # record ranges; pass values through unquantized
    TRAIN = "train"  # fake-quantize; ranges follow the values
    INFER = "infer"  # fake-quantize with the stored ranges


_phase: ContextVar[Phase] = ContextVar("phase", default=Phase.INFER)


@contextmanager
def phase(chosen: Phase) -> Iterator[None]:
    """Sets what quantizers do in functions *traced* here; batch statistics and dropout stay off."""
    token = _phase.set(chosen)
    try:
        yield
    finally:
        _phase.reset(token)


class ActivationQuantizer(quantizers.MovingAverageQuantizer):  # type: ignore[misc]
    """Per-tensor asymmetric 8-bit fake-quant: averages images observing, moves training."""

    def __init__(self) -> None:
        super().__init__(num_bits=8, per_axis=False, symmetric=False, narrow_range=False)

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """Adds the range (two float32 scalars) and how many images it is the mean of."""
        weights: dict[str, Any] = super().build(tensor_shape, name, layer)
        weights["seen"] = layer.add_weight(
            f"{name}_seen", initializer="zeros", trainable=False, dtype=tf.float32
        )
        return weights

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **_: Any) -> Any:
        """Observes, or fake-quantizes, ``inputs`` (any shape, images first)."""
        low, high = weights["min_var"], weights["max_var"]
        if _phase.get() is not Phase.INFER:
            axes = list(range(1, inputs.shape.rank))
            image_low = tf.reduce_mean(tf.minimum(tf.reduce_min(inputs, axes), 0.0))
            image_high = tf.reduce_mean(tf.maximum(tf.reduce_max(inputs, axes), 0.0))
            if _phase.get() is Phase.OBSERVE:
                images = tf.cast(tf.shape(inputs)[0], tf.float32)
                share = images / (weights["seen"] + images)
                weights["seen"].assign_add(images)
            else:
                share = tf.constant(1.0 - RANGE_DECAY)
            low.assign_add(share * (image_low - low))
            high.assign_add(share * (image_high - high))
            if _phase.get() is Phase.OBSERVE:
                return inputs
        return tf.quantization.fake_quant_with_min_max_vars(inputs, low, high, num_bits=8)

    def get_config(self) -> dict[str, Any]:
        """Returns nothing: there is nothing to choose."""
        return {}


class InputQuantizer(ActivationQuantizer):
    """Fixed range 0-255: an RGB value is its own quantized value, whatever the photos hold."""

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """Adds nothing: the range is fixed."""
        return {}

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **_: Any) -> Any:
        """Fake-quantizes ``inputs`` with scale 1 (the identity on whole numbers)."""
        return tf.quantization.fake_quant_with_min_max_args(inputs, 0.0, 255.0, num_bits=8)


class WeightsQuantizer(quantizers.LastValueQuantizer):  # type: ignore[misc]
    """Symmetric 8-bit fake-quant of a kernel by its own range, or by one an index of an axis.

    ``axis``: 3 for Conv2D ``(kh, kw, in, out)``, 2 for DepthwiseConv2D ``(kh, kw, channels, 1)``.
    """

    def __init__(self, axis: int | None) -> None:
        super().__init__(num_bits=8, per_axis=axis is not None, symmetric=True, narrow_range=True)
        self.axis = axis

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """Adds a range: two float32 scalars, or two vectors with one entry a channel."""
        shape = () if self.axis is None else (tensor_shape[self.axis],)
        ends = {"min": -6.0, "max": 6.0}
        return {
            f"{end}_var": layer.add_weight(
                f"{name}_{end}",
                shape=shape,
                initializer=keras.initializers.Constant(value),
                trainable=False,
            )
            for end, value in ends.items()
        }

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **_: Any) -> Any:
        """Fake-quantizes a kernel; observing passes it through."""
        low, high = weights["min_var"], weights["max_var"]
        if _phase.get() is not Phase.INFER:
            largest = self.largest(inputs)
            low.assign(-largest)
            high.assign(largest)
            if _phase.get() is Phase.OBSERVE:
                return inputs
        if self.axis is None:
            return tf.quantization.fake_quant_with_min_max_vars(
                inputs, low, high, num_bits=8, narrow_range=True
            )
        # The operator wants channels last. The converter folds batch normalisation through a
        # reshape, but not through ExpandDims.
        kernel = tf.reshape(inputs, inputs.shape[: self.axis + 1]) if self.axis < 3 else inputs
        quantized = tf.quantization.fake_quant_with_min_max_vars_per_channel(
            kernel, low, high, num_bits=8, narrow_range=True
        )
        return tf.reshape(quantized, inputs.shape) if self.axis < 3 else quantized

    def largest(self, kernel: Any) -> Any:
        """Returns the largest magnitude of a kernel, of each channel where it has ranges."""
        others = [i for i in range(kernel.shape.rank) if i != self.axis]
        # A channel pruned to zeros still needs a range that is not empty.
        return tf.maximum(tf.reduce_max(tf.abs(kernel), axis=others), 1e-12)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's argument."""
        return {"axis": self.axis}


def update_weight_ranges(model: Any) -> None:
    """Sets kernels' ranges from the kernels as they are now; a training step lags one behind."""
    for layer in model.layers:
        for weight, quantizer, variables in getattr(layer, "_weight_vars", ()):
            largest = quantizer.largest(weight)
            variables["min_var"].assign(-largest)
            variables["max_var"].assign(largest)
