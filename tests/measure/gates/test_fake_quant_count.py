"""How many fake-quant nodes a graph needs, by its operators."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from effq_core.measure.gates.fake_quant_count import expected_fake_quant
from tests.pipeline.stages.report_inputs import LITE0, V2_B0, file_report


@pytest.mark.parametrize(
    ("ops", "per_channel", "per_tensor"), [(V2_B0, 92, 198), (LITE0, 50, 63)], ids=["v2", "lite0"]
)
def test_each_architecture_needs_a_known_number_of_fake_quants(
    ops: dict[str, int], per_channel: int, per_tensor: int
) -> None:
    found = expected_fake_quant(file_report("float32", ops))
    assert found == {"per_channel": per_channel, "per_tensor": per_tensor}


@given(st.dictionaries(st.sampled_from(list(V2_B0)), st.integers(0, 99)))
def test_one_more_operator_needs_its_own_fake_quants(ops: dict[str, int]) -> None:
    def needed(counts: dict[str, int]) -> tuple[int, int]:
        found = expected_fake_quant(file_report("float32", counts))
        return found["per_channel"], found["per_tensor"]

    channels, tensors = needed(ops)
    more = {
        op: tuple(np.subtract(needed({**ops, op: ops.get(op, 0) + 1}), (channels, tensors)))
        for op in V2_B0
    }
    assert more == {
        "CONV_2D": (1, 1),
        "DEPTHWISE_CONV_2D": (1, 1),
        "FULLY_CONNECTED": (0, 2),  # its kernel has one range
        "LOGISTIC": (0, 0),  # its scale is fixed
        "SOFTMAX": (0, 0),
        "MUL": (0, 1),
        "ADD": (0, 1),
        "MEAN": (0, 1),
    }
