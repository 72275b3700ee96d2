"""What is asked of weights of few bits."""

from __future__ import annotations

import pytest

from effq_core.base.errors import ExperimentError
from effq_core.experiment.low_bits import LowBits


@pytest.mark.parametrize("block", ["", " "])
def test_no_block_to_train_from_is_refused(block: str) -> None:
    with pytest.raises(ExperimentError, match="No block is named"):
        LowBits(train_from=block)
