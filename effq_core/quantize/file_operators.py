"""What each operator of a ``.tflite`` file computes, in floats, so that it can be trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.base.errors import ModelError
from effq_core.base.tensorflow import tf
from effq_core.tflite.file import Operator, read_tflite

_ACTIVATIONS: Mapping[int, Callable[[Any], Any]] = MappingProxyType(
    {
        0: tf.identity,
        1: tf.nn.relu,
        2: lambda x: tf.clip_by_value(x, -1.0, 1.0),
        3: tf.nn.relu6,
        4: tf.tanh,
    }
)
"""Fused activation functions by their number in the schema."""
_PADDING = {0: "SAME", 1: "VALID"}


def _biased(x: Any, rest: list[Any]) -> Any:
    return x if not rest or rest[0] is None else tf.nn.bias_add(x, rest[0])


def _steps(options: Any) -> list[int]:
    return [1, options.strideH, options.strideW, 1]


def _dilations(options: Any) -> list[int]:
    return [options.dilationHFactor, options.dilationWFactor]


def _convolution(options: Any, x: Any, kernel: Any, *rest: Any) -> Any:
    y = tf.nn.conv2d(
        x, kernel, _steps(options), _PADDING[options.padding], dilations=_dilations(options)
    )
    return _biased(y, list(rest))


def _depthwise(options: Any, x: Any, kernel: Any, *rest: Any) -> Any:
    height, width, outputs = kernel.shape
    kernel = tf.reshape(kernel, (height, width, x.shape[-1], outputs // x.shape[-1]))
    y = tf.nn.depthwise_conv2d(
        x, kernel, _steps(options), _PADDING[options.padding], dilations=_dilations(options)
    )
    return _biased(y, list(rest))


def _product(options: Any, x: Any, kernel: Any, *rest: Any) -> Any:
    inputs, outputs = kernel.shape
    sides = x.shape[1:-1] if options.keepNumDims else ()
    y = _biased(tf.matmul(tf.reshape(x, (-1, inputs)), kernel), list(rest))
    return tf.reshape(y, (-1, *sides, outputs))


def _pool(pool: Callable[..., Any]) -> Callable[..., Any]:
    def compute(options: Any, x: Any) -> Any:
        sides = [1, options.filterHeight, options.filterWidth, 1]
        return pool(x, sides, _steps(options), _PADDING[options.padding])

    return compute


COMPUTE: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "CONV_2D": _convolution,
        "DEPTHWISE_CONV_2D": _depthwise,
        "FULLY_CONNECTED": _product,
        "ADD": lambda _, a, b: a + b,
        "SUB": lambda _, a, b: a - b,
        "MUL": lambda _, a, b: a * b,
        "LOGISTIC": lambda _, x: tf.sigmoid(x),
        "TANH": lambda _, x: tf.tanh(x),
        "RELU": lambda _, x: tf.nn.relu(x),
        "RELU6": lambda _, x: tf.nn.relu6(x),
        "HARD_SWISH": lambda _, x: x * tf.nn.relu6(x + 3) / 6,
        "LEAKY_RELU": lambda options, x: tf.nn.leaky_relu(x, options.alpha),
        "ELU": lambda _, x: tf.nn.elu(x),
        "GELU": lambda options, x: tf.nn.gelu(x, approximate=options.approximate),
        "SOFTMAX": lambda options, x: tf.nn.softmax(options.beta * x),
        "MEAN": lambda options, x, axes: tf.reduce_mean(x, axes, keepdims=options.keepDims),
        "AVERAGE_POOL_2D": _pool(tf.nn.avg_pool2d),
        "MAX_POOL_2D": _pool(tf.nn.max_pool2d),
        "PAD": lambda _, x, sides: tf.pad(x, sides),
        "CONCATENATION": lambda options, *parts: tf.concat(parts, options.axis),
        "QUANTIZE": lambda _, x: tf.identity(x),
        "DEQUANTIZE": lambda _, x: tf.identity(x),
    }
)
"""Each takes the operator's options and inputs: kernels with their output channels last."""
_RESHAPING = ("RESHAPE", "SQUEEZE")


def train_problem(file: bytes) -> str:
    """Says why a file's operators cannot be trained; empty where they can."""
    names = {op.kind.name for op in read_tflite(file).main.operators}
    unknown = sorted(names - COMPUTE.keys() - {*_RESHAPING})
    return f"EffQ cannot train through {fmt.listed(unknown)}" if unknown else ""


def compute(op: Operator, inputs: list[Any]) -> Any:
    """Computes an operator on floats, its fused activation function included.

    Args:
        inputs: Activations with any number of images, and constants.

    Raises:
        ModelError: If nobody has said what such an operator computes.
    """
    name = op.kind.name
    if name in _RESHAPING:
        return tf.reshape(inputs[0], (-1, *op.output.shape[1:]))
    if name not in COMPUTE:
        raise ModelError(
            f"EffQ cannot train through the operator {name}.", "Train from a block behind it."
        )
    made = COMPUTE[name](op.options, *inputs)
    return _ACTIVATIONS[getattr(op.options, "fusedActivationFunction", 0)](made)
