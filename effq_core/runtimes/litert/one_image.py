"""Files that were made for several images at a time take one."""

from __future__ import annotations

from ai_edge_litert.interpreter import Interpreter

from effq_core.base.errors import ModelError


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
