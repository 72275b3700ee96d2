from __future__ import annotations

import numpy as np
from learn_data import activation_of, calm_and_odd, layer_of, uneven_layer

from effq_core.experiment.calibration_methods import METHODS
from effq_core.learn.grids import quantize_kernel
from effq_core.learn.lessons import calibration_lesson, scales_lesson
from effq_core.learn.ranges import measure
from effq_core.learn.tensors import Activation, Layer

STOPS = (1, 2, 5, 10, 20)


def scales(layer: Layer) -> str:
    shared, own = (
        quantize_kernel(layer, 8, symmetric=True, per_channel=each) for each in (False, True)
    )
    return scales_lesson(shared, own)


def calibration(activation: Activation) -> str:
    return calibration_lesson({m: [measure(activation, m, n) for n in STOPS] for m in METHODS})


def test_scales_a_channel_are_said_to_help_where_they_do() -> None:
    assert "improves" in scales(uneven_layer())
    even = layer_of(np.random.default_rng(1).uniform(-1, 1, (6, 500)))
    assert "improves" not in scales(even)


def test_more_photos_are_said_to_harm_where_they_do() -> None:
    odd = calibration(activation_of(calm_and_odd(), STOPS))
    assert odd.startswith("Min-max falls from ")
    assert "with 20; " in odd
    even = [np.random.default_rng(4).uniform(-1, 1, 4000)] * 20
    assert "falls" not in calibration(activation_of(even, STOPS))
