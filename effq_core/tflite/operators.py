"""The one table of operators: what each is called, and what it means for integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.schema_py_generated import BuiltinOperator

from effq_core.base.errors import ModelError


class OutputScale(Enum):
    """Where the scale of an int8 output comes from (TensorFlow Lite's quantization spec)."""

    RANGE = "the range of its values"
    FIXED = "the specification"
    INPUT = "the scale of its input"


@dataclass(frozen=True, kw_only=True)
class OperatorKind:
    """A kind of operator."""

    name: str  # as files have it, such as ``CONV_2D``
    title: str  # for people, such as ``convolution``
    # Axis of the output channels in its kernel; ``None`` where it has none.
    channel_axis: int | None = None
    output_scale: OutputScale = OutputScale.RANGE  # where the scale of its int8 output comes from
    is_border: bool = False  # whether it only converts between floats and integers
    keeps_values: bool = False  # whether it hands on the numbers it reads, one by one
    is_custom: bool = False  # whether it is none of LiteRT's own

    @property
    def has_kernel(self) -> bool:
        """Whether it has weights."""
        return self.channel_axis is not None

    @property
    def has_channel_scales(self) -> bool:
        """Whether TensorFlow Lite gives each output channel of its kernel an int8 scale."""
        return self.has_kernel and self.name != "FULLY_CONNECTED"

    def by_channel(self, kernel: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Returns the weights of each output channel, ``(channels, weights of one)``."""
        if self.channel_axis is None:
            raise ModelError(f"An operator {self.name} has no weights.")
        axis = self.channel_axis
        return np.moveaxis(kernel, axis, 0).reshape(kernel.shape[axis], -1)


_BORDER = {"is_border": True, "keeps_values": True}
_TRAITS: dict[str, dict[str, Any]] = {
    "CONV_2D": {"title": "convolution", "channel_axis": 0},
    "DEPTHWISE_CONV_2D": {"title": "depthwise convolution", "channel_axis": 3},
    "FULLY_CONNECTED": {"channel_axis": 0},
    "LOGISTIC": {"title": "sigmoid", "output_scale": OutputScale.FIXED},
    "SOFTMAX": {"output_scale": OutputScale.FIXED},
    "MAX_POOL_2D": {"output_scale": OutputScale.INPUT},
    "AVERAGE_POOL_2D": {"output_scale": OutputScale.INPUT},
    "PAD": {"output_scale": OutputScale.INPUT},
    "RESHAPE": {"output_scale": OutputScale.INPUT, "keeps_values": True},
    "SQUEEZE": {"keeps_values": True},
    "CAST": {"keeps_values": True},
    "QUANTIZE": _BORDER,
    "DEQUANTIZE": _BORDER,
    "MUL": {"title": "multiplication"},
    "ADD": {"title": "addition"},
    "SUB": {"title": "subtraction"},
    "MEAN": {"title": "average"},
    "RELU6": {"title": "ReLU6"},
    "RELU": {"title": "ReLU"},
}

BY_CODE: Mapping[int, OperatorKind] = MappingProxyType(
    {
        code: OperatorKind(
            **{"name": name, "title": name.lower().replace("_", " "), **_TRAITS.get(name, {})}
        )
        for name, code in vars(BuiltinOperator).items()
        if isinstance(code, int)
    }
)
"""LiteRT's own operators by the number that stands for them in a file."""

BY_NAME: Mapping[str, OperatorKind] = MappingProxyType(
    {kind.name: kind for kind in BY_CODE.values()}
)


def operator_kind(name: str) -> OperatorKind:
    """Returns LiteRT's own operator, such as ``CONV_2D``; ``ModelError`` if it has none."""
    if name not in BY_NAME:
        raise ModelError(
            f"LiteRT has no operator {name!r}.",
            f"It has {len(BY_NAME)}, such as {', '.join(sorted(_TRAITS))}.",
        )
    return BY_NAME[name]
