"""Three runtimes behind one face: one image at a time, a fixed number of threads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

_Array = np.ndarray[Any, Any]


class Runner(ABC):
    """A loaded model.

    Args:
        path: The model file.
        threads: Threads an invocation may use.
    """

    @abstractmethod
    def __init__(self, path: str, threads: int) -> None: ...

    @abstractmethod
    def feed(self, image: _Array) -> None:
        """Sets the input: RGB 0-255, uint8 ``(side, side, 3)``. Not part of a timing."""

    @abstractmethod
    def invoke(self) -> None:
        """Computes; all that a timing covers."""

    @abstractmethod
    def answer(self) -> _Array:
        """Returns the probabilities, float32 ``(classes,)``."""

    @property
    @abstractmethod
    def side(self) -> int:
        """Side of the square input in pixels."""


class LiteRt(Runner):
    """A ``.tflite`` file, with the XNNPACK delegate LiteRT uses by itself."""

    def __init__(self, path: str, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(path, num_threads=threads)
        self._interpreter.allocate_tensors()
        (self._input,) = self._interpreter.get_input_details()
        (self._output,) = self._interpreter.get_output_details()

    def feed(self, image: _Array) -> None:
        """Quantizes the pixels where the file's input is an integer."""
        dtype, values = self._input["dtype"], image.astype(np.float32)
        if np.issubdtype(dtype, np.integer):
            scale, zero = self._input["quantization"]
            limits = np.iinfo(dtype)
            values = np.clip(np.round(values / scale) + zero, limits.min, limits.max)
        self._interpreter.set_tensor(self._input["index"], values.astype(dtype)[None])

    def invoke(self) -> None:
        """Runs the interpreter."""
        self._interpreter.invoke()

    def answer(self) -> _Array:
        """Dequantizes where the file's output is an integer."""
        raw = self._interpreter.get_tensor(self._output["index"])[0]
        if np.issubdtype(raw.dtype, np.integer):
            scale, zero = self._output["quantization"]
            return (raw.astype(np.float32) - zero) * np.float32(scale)
        return np.asarray(raw, np.float32)

    @property
    def side(self) -> int:
        """Side of the square input in pixels."""
        return int(self._input["shape"][1])


class OpenVino(Runner):
    """An OpenVINO IR on the CPU plugin, one stream, tuned for latency as its guide says."""

    def __init__(self, path: str, threads: int) -> None:
        import openvino

        compiled = openvino.Core().compile_model(
            path,
            "CPU",
            {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1},
        )
        self._request = compiled.create_infer_request()
        self._buffer = self._request.get_input_tensor().data

    def feed(self, image: _Array) -> None:
        """Writes into the request's own input."""
        self._buffer[0] = image

    def invoke(self) -> None:
        """Infers and waits."""
        self._request.infer()

    def answer(self) -> _Array:
        """Copies the output."""
        return np.array(self._request.get_output_tensor().data[0], np.float32)

    @property
    def side(self) -> int:
        """Side of the square input in pixels."""
        return int(self._buffer.shape[1])


class OnnxRuntime(Runner):
    """An ONNX file on the CPU provider, input and output bound once."""

    def __init__(self, path: str, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        self._session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        (given,), (self._output,) = self._session.get_inputs(), self._session.get_outputs()
        shape = [1, *given.shape[1:]]
        self._buffer = np.zeros(shape, np.float32)
        self._value = onnxruntime.OrtValue.ortvalue_from_numpy(self._buffer)
        self._binding = self._session.io_binding()
        self._binding.bind_ortvalue_input(given.name, self._value)
        self._binding.bind_output(self._output.name)

    def feed(self, image: _Array) -> None:
        """Writes into the bound input."""
        self._buffer[0] = image
        self._value.update_inplace(self._buffer)

    def invoke(self) -> None:
        """Runs the session."""
        self._session.run_with_iobinding(self._binding)

    def answer(self) -> _Array:
        """Copies the output."""
        return np.array(self._binding.copy_outputs_to_cpu()[0][0], np.float32)

    @property
    def side(self) -> int:
        """Side of the square input in pixels."""
        return int(self._buffer.shape[1])


RUNTIMES: dict[str, type[Runner]] = {
    "litert": LiteRt,
    "openvino": OpenVino,
    "onnxruntime": OnnxRuntime,
}
TITLES = {"litert": "LiteRT", "openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}
