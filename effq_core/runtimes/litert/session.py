"""A ``.tflite`` file in LiteRT's interpreter."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from effq_core.base.errors import ModelError, UnloadableError
from effq_core.models.file_input import TensorSpec
from effq_core.runtimes.session import Kernels, Session, Values
from effq_core.tflite.hybrid import with_float_kernels
from effq_core.tflite.operators import BY_NAME

PLAIN_KERNELS = "EFFQ_PLAIN_KERNELS"  # variable for tests: no XNNPACK
_RESOLVERS = {
    Kernels.PLAIN: OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    Kernels.REFERENCE: OpResolverType.BUILTIN_REF,
}


class LiteRtSession(Session):
    """See :class:`~effq_core.runtimes.session.Session`; arguments as :meth:`Runtime.open` has.

    Plain kernels cannot run weights of few bits with float activations: they get them as floats.
    """

    def __init__(self, path: Path, *, threads: int, kernels: Kernels, keep_values: bool) -> None:
        resolver = usual_kernels() if kernels is Kernels.USUAL else _RESOLVERS[kernels]
        content = None if kernels is Kernels.USUAL else with_float_kernels(path.read_bytes())
        self.interpreter = load_interpreter(
            path, threads=threads, kernels=resolver, keep_values=keep_values, content=content
        )
        given, made = self.interpreter.get_input_details(), self.interpreter.get_output_details()
        self.inputs, self.outputs = tuple(map(_spec, given)), tuple(map(_spec, made))
        self._input, self._output = int(given[0]["index"]), int(made[0]["index"])

    def feed(self, values: Values) -> None:
        """Sets the input."""
        self.interpreter.set_tensor(self._input, values)

    def invoke(self) -> None:
        """Runs the file once."""
        self.interpreter.invoke()

    def answer(self) -> Values:
        """Returns the output."""
        return self.value(self._output)

    def value(self, tensor: int) -> Values:
        """Returns a copy of a tensor's values."""
        found: Values = self.interpreter.get_tensor(tensor)
        return found

    def multiplications(self) -> int:
        """Counts those of convolutions and fully connected layers; others hardly count."""
        shapes = {each["index"]: each["shape"] for each in self.interpreter.get_tensor_details()}
        return sum(
            int(np.prod(shapes[op["outputs"][0]][:-1]) * np.prod(shapes[op["inputs"][1]]))
            for op in self.interpreter._get_ops_details()
            if (kind := BY_NAME.get(op["op_name"])) and kind.has_kernel
        )


def _spec(detail: dict[str, Any]) -> TensorSpec:
    scale, zero_point = detail["quantization"]
    shape = tuple(int(side) for side in detail["shape"])
    return TensorSpec(shape, np.dtype(detail["dtype"]), float(scale), int(zero_point))


def usual_kernels() -> OpResolverType:
    """Returns what files run on: XNNPACK where it knows an operator, unless tests want it plain."""
    plain = os.environ.get(PLAIN_KERNELS)
    return OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if plain else OpResolverType.AUTO


def load_interpreter(
    path: Path,
    *,
    kernels: OpResolverType,
    threads: int = 1,
    keep_values: bool = False,
    content: bytes | None = None,
) -> Interpreter:
    """Loads a file, or what stands for it, and allocates tensors; ``ModelError`` if corrupt."""
    batch = 1
    try:
        with warnings.catch_warnings():
            # It warns that preserving tensors costs memory; whoever asks for it means it.
            warnings.filterwarnings("ignore", message=".*experimental_preserve_all_tensors.*")
            interpreter = Interpreter(
                model_path=None if content else str(path),
                model_content=content,
                num_threads=threads,
                experimental_op_resolver_type=kernels,
                experimental_preserve_all_tensors=keep_values,
            )
        batch = take_one_image(interpreter)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        if batch > 1:
            raise only_several(path.name, batch, error) from error
        raise UnloadableError(
            f"LiteRT cannot load {path.name}: {error}",
            "The file is corrupt or uses operators this LiteRT does not know; make it again.",
        ) from error
    shape = interpreter.get_output_details()[0]["shape"]
    if batch > 1 and len(shape) > 0 and shape[0] != 1:
        raise only_several(path.name, batch, f"its output stays {tuple(map(int, shape))}.")
    return interpreter


def take_one_image(interpreter: Interpreter) -> int:
    """Lets a file for several images, not yet allocated, take one; returns how many it took."""
    batch = 1
    for detail in interpreter.get_input_details():
        shape = [int(side) for side in detail["shape"]]
        if len(shape) in (3, 4) and shape[0] > 1:
            batch = shape[0]
            interpreter.resize_tensor_input(detail["index"], [1, *shape[1:]])
    return batch


def only_several(name: str, batch: int, why: object) -> ModelError:
    """Says that a file that was made for several images cannot take one."""
    return ModelError(
        f"{name} takes {batch} images at a time, and cannot take one: {str(why)[:200]}",
        "Convert the model again with a batch of 1.",
    )
