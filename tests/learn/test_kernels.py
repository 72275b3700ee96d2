from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from learn_data import layer_of, some_tensors, uneven_layer

from effq_core.learn.grids import quantize_kernel, telling_channel, telling_layer


def test_one_wide_channel_leaves_the_narrow_ones_few_levels() -> None:
    layer = uneven_layer()
    shared = quantize_kernel(layer, 8, symmetric=True, per_channel=False)
    own = quantize_kernel(layer, 8, symmetric=True, per_channel=True)
    assert own.typical > shared.typical + 20
    assert shared.used(0) < 12
    assert own.used(0) > 50
    # The wide channel itself sets the shared scale: to it nothing changes.
    assert own.channels[-1] == pytest.approx(shared.channels[-1])
    assert len(shared.grid.scale) == 1
    assert len(own.grid.scale) == 16


def test_the_shared_range_is_that_of_all_channels_also_of_those_not_kept() -> None:
    whole = uneven_layer()
    few = replace(whole, values=whole.values[:4], channels=np.arange(4))
    a, b = (quantize_kernel(each, 8, symmetric=True, per_channel=False) for each in (whole, few))
    assert a.grid.scale == b.grid.scale
    assert b.channels == pytest.approx(a.channels[:4])
    own = quantize_kernel(few, 8, symmetric=True, per_channel=True)
    assert len(own.grid.scale) == 4


def test_levels_are_those_of_the_channel() -> None:
    layer = uneven_layer()
    own = quantize_kernel(layer, 4, symmetric=True, per_channel=True)
    for row in (0, 15):
        assert own.levels(row)[-1] == pytest.approx(np.abs(layer.values[row]).max())
        assert np.isin(np.round(own.rounded[row], 9), np.round(own.levels(row), 9)).all()


def test_the_telling_layer_and_channel_are_uneven_and_narrow() -> None:
    tensors = some_tensors()
    assert tensors.layers[telling_layer(tensors.layers)].name == "conv"
    assert telling_channel(uneven_layer()) != 15
    assert telling_channel(layer_of(np.ones((1, 4)))) == 0
