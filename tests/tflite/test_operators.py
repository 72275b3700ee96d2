"""The one table of operators."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import BuiltinOperator

from effq_core.base.errors import ModelError
from effq_core.tflite.operators import BY_CODE, BY_NAME, OutputScale, operator_kind


def test_every_operator_of_litert_is_in_the_table_once() -> None:
    codes = {code for code in vars(BuiltinOperator).values() if isinstance(code, int)}
    assert set(BY_CODE) == codes and len(BY_NAME) == len(codes) > 200
    assert all(kind.title and not kind.is_custom for kind in BY_CODE.values())
    assert BY_CODE[BuiltinOperator.CONV_2D] is operator_kind("CONV_2D")


def test_traits_are_those_of_the_specification() -> None:
    with_kernel = {kind.name for kind in BY_CODE.values() if kind.has_kernel}
    assert with_kernel == {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    assert {kind.name for kind in BY_CODE.values() if kind.is_border} == {"QUANTIZE", "DEQUANTIZE"}
    fixed = {k.name for k in BY_CODE.values() if k.output_scale is OutputScale.FIXED}
    assert fixed == {"LOGISTIC", "SOFTMAX"}
    assert operator_kind("DEPTHWISE_CONV_2D").title == "depthwise convolution"
    assert operator_kind("HARD_SWISH").title == "hard swish"


def test_weights_are_laid_out_by_output_channel() -> None:
    kernel = np.arange(2 * 3 * 3 * 4).reshape(2, 3, 3, 4)
    rows = operator_kind("CONV_2D").by_channel(kernel)
    np.testing.assert_array_equal(rows[1], kernel[1].reshape(-1))
    rows = operator_kind("DEPTHWISE_CONV_2D").by_channel(kernel[:1])
    np.testing.assert_array_equal(rows[2], kernel[0, :, :, 2].reshape(-1))
    with pytest.raises(ModelError, match="ADD"):
        operator_kind("ADD").by_channel(kernel)


def test_an_operator_litert_does_not_have_is_refused() -> None:
    with pytest.raises(ModelError, match="FlexErf") as caught:
        operator_kind("FlexErf")
    assert "CONV_2D" in caught.value.hint
