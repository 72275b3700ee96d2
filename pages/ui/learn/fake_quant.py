"""Learn, part 3: what fake-quant does to a value and to its gradient."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.learn_fake_quant import fake_quant_chart
from effq_core.experiment.calibration_methods import METHODS
from effq_core.learn.fake_quant import curve, follow, span
from effq_core.learn.grids import BITS
from effq_core.learn.ranges import clipped_share, find_range, grid_of
from effq_core.learn.tensors import Tensors
from pages.ui.common.choose import Source
from pages.ui.common.show import chart, pick
from pages.ui.learn.calibration import choose_activation, is_calibrated
from pages.ui.learn.source import numbers

_STEPS = 200


def fake_quant_part(tensors: Tensors, source: Source) -> None:
    """Draws the part."""
    st.subheader("How can a network train through rounding?", anchor=False)
    if not is_calibrated(tensors):
        return
    st.markdown(
        "Fake-quant rounds a value to the grid and hands it on as a float: the network feels the "
        "error it will meet on the device. A staircase has no slope to learn from, so training "
        "passes the gradient **straight through**, and stops it outside the range."
    )
    first, second, third = st.columns([3, 3, 2], gap="medium", vertical_alignment="bottom")
    with first:
        activation = choose_activation(tensors.activations, "learn_fake_activation")
    with second:
        method = pick(
            "Range by",
            list(METHODS),
            "learn_fake_method",
            "moving_average",
            format_func=lambda name: METHODS[name].title.lower(),
            help=tip("calibration_method"),
        )
    with third:
        bits = st.slider("Bits", *BITS, 3, key="learn_fake_bits", help=tip("bits"))
    images = len(activation.minima)
    percentile = source.results.experiment.calibration.percentile
    low, high = find_range(activation, method, images, percentile)
    grid = grid_of(low, high, bits)
    left, right = span(grid)
    share = st.slider(
        "A value going in",
        0,
        _STEPS,
        int(0.62 * _STEPS),
        format=" ",
        key="learn_fake_value",
        help="From a little below the range to a little above it.",
    )
    point = follow(grid, left + (right - left) * share / _STEPS)
    numbers(
        ("In", fmt.plain(point.value), tip("activation")),
        ("Stored as", fmt.count(point.integer), tip("zero_point")),
        ("Out", fmt.plain(point.output), tip("fake_quant")),
        ("Gradient", f"× {fmt.count(point.gradient)}", tip("straight_through")),
    )
    chart(fake_quant_chart(grid, curve(grid), point), key="learn_fake_chart")
    clipped = clipped_share(activation, float(grid.low[0]), float(grid.high[0]))
    st.caption(
        f"The range is this run's own. On its {fmt.counted(images, 'calibration photo')} "
        f"{fmt.percent(clipped, 3)} of this activation's values lie outside: they are clipped, "
        "and send no gradient back."
    )
