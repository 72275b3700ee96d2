"""An integer ``.tflite`` file as a Keras model that can be trained and written back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.base.tensorflow import keras, tf
from effq_core.quantize.file_operators import compute
from effq_core.quantize.file_values import kernel_ends, real_values, started_values
from effq_core.tflite.cutting import entering
from effq_core.tflite.file import Operator, Tensor, read_tflite
from effq_core.tflite.packing import BITS

_INT8 = np.iinfo(np.int8)


class FileOperator(keras.layers.Layer):  # type: ignore[misc]
    """An operator on floats; what it makes is rounded to the file's grid, straight-through.

    ``rounds``: Whether its output is rounded. ``kernel``: What its kernel is trained from, if it
    is; a bias always is.
    """

    def __init__(
        self,
        op: Operator,
        made: set[Tensor],
        *,
        rounds: bool,
        kernel: npt.NDArray[np.float32] | None,
    ) -> None:
        super().__init__(name=f"op_{op.index}")
        self.op, self.rounds = op, rounds
        self.reads = [tensor for tensor in op.inputs if tensor in made]
        self.constants = {
            place: real_values(op, tensor)
            for place, tensor in enumerate(op.inputs)
            if tensor is not None and tensor not in made
        }
        self.kernel = self.bias = None
        if kernel is not None:
            self.kernel = self._variable("kernel", kernel)
        if op.kernel is not None and 2 in self.constants:
            self.bias = self._variable("bias", self.constants[2])

    def _variable(self, name: str, value: npt.NDArray[np.float32]) -> Any:
        initializer = keras.initializers.Constant(value)
        return self.add_weight(name, shape=value.shape, initializer=initializer)

    def call(self, inputs: Any) -> Any:
        """Computes the operator on any number of images."""
        activations = iter(inputs if isinstance(inputs, list) else [inputs])
        values: list[Any] = []
        for place, tensor in enumerate(self.op.inputs):
            if tensor is None:
                values.append(None)
            elif place not in self.constants:
                values.append(next(activations))
            elif place == 1 and self.kernel is not None:
                values.append(fake_quantized_kernel(self.kernel, tensor, self.op))
            elif place == 2 and self.bias is not None:
                values.append(self.bias)
            else:
                values.append(tf.constant(self.constants[place]))
        made = compute(self.op, values)
        return fake_quantized(made, self.op.output) if self.rounds else made


def file_network(
    file: bytes,
    floats: Mapping[str, npt.NDArray[np.float64]],
    *,
    first: int = 0,
    end: int | None = None,
) -> Any:
    """Builds a Keras model of a file's operators from ``first`` to before ``end``, or to the last.

    It takes the integers that enter there, as floats; a whole file takes pixels. Before any
    training it answers as the file does, but for the last digits.

    Args:
        file: A ``.tflite`` file of integers.
        floats: Weights its kernels were rounded from, in the file's order, by the name of what an
            operator makes; these kernels are trained.
        first: Number of its first operator; one tensor must enter there.
        end: Number of the operator after its last; likewise.

    Raises:
        ModelError: If it has an operator that nobody has said the meaning of.
    """
    graph = read_tflite(file).main
    enters = entering(graph, first)
    readers = Counter(each for op in graph.operators for each in op.inputs)
    given = keras.Input(enters.shape[1:], dtype=tf.float32)
    values = {enters: _entered(given, enters, pixels=enters in graph.inputs)}
    for op in graph.operators[first:end]:
        layer = FileOperator(
            op,
            set(values),
            # Most probabilities of many classes would round to zero, whose gradient is none.
            rounds=op.output not in graph.outputs,
            kernel=started_values(op, op.kernel, floats[op.output.name])
            if op.kernel is not None and op.output.name in floats and readers[op.kernel] == 1
            else None,
        )
        inputs = [values[each] for each in layer.reads]
        values[op.output] = layer(inputs if len(inputs) > 1 else inputs[0])
    output = graph.outputs[0] if end is None else entering(graph, end)
    return keras.Model(given, values[output])


def _entered(given: Any, tensor: Tensor, *, pixels: bool) -> Any:
    scale, zero_point = tensor.grid or (1.0, 0)
    return ((given + _INT8.min if pixels else given) - zero_point) * scale


def fake_quantized(values: Any, tensor: Tensor) -> Any:
    """Rounds values to an activation's grid; gradients pass within its range."""
    if tensor.grid is None:
        return values
    scale, zero_point = tensor.grid
    low, high = (_INT8.min - zero_point) * scale, (_INT8.max - zero_point) * scale
    return tf.quantization.fake_quant_with_min_max_args(values, low, high)


def fake_quantized_kernel(kernel: Any, tensor: Tensor, op: Operator) -> Any:
    """Rounds a kernel, output channels last, to the scales a file has for it."""
    bits = BITS[tensor.dtype]
    low, high = kernel_ends(bits)
    scales = np.broadcast_to(tensor.scales, kernel.shape[-1:])
    return tf.quantization.fake_quant_with_min_max_vars_per_channel(
        kernel, low * scales, high * scales, num_bits=bits, narrow_range=bits == 8
    )
