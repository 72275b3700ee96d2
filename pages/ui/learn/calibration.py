"""Learn, parts 2 and 3: how photos set an activation's range, and what fake-quant does in it."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.learn_calibration import growth_chart, ranges_chart
from effq_core.charts.learn_fake_quant import fake_quant_chart
from effq_core.experiment.calibration_methods import METHODS
from effq_core.learn.fake_quant import curve, follow, span
from effq_core.learn.grids import BITS
from effq_core.learn.lessons import calibration_lesson
from effq_core.learn.ranges import clipped_share, find_range, grid_of, measure, telling_activation
from effq_core.learn.tensors import Activation, Tensors
from pages.ui.common.choose import Source
from pages.ui.common.show import chart, empty, pick
from pages.ui.learn.source import numbers

_DEFAULT_STOP = 10


def calibration_part(tensors: Tensors, source: Source) -> None:
    """Draws the part."""
    st.subheader("Why can more calibration photos make int8 worse?", anchor=False)
    if not is_calibrated(tensors):
        return
    percentile = source.results.experiment.calibration.percentile
    st.markdown(
        "256 levels are spread over an activation's range, and photos set that range. "
        "One odd photo may widen it and coarsen the grid for all. The methods:\n"
        + "".join(f"\n- **{row.title}**: {row.summary}" for row in METHODS.values())
    )
    activation, images = _choices(tensors.activations)
    courses = {
        method: [measure(activation, method, n, percentile=percentile) for n in activation.stops]
        for method in METHODS
    }
    effects = [course[activation.stops.index(images)] for course in courses.values()]
    left, right = st.columns(2, gap="medium")
    chart(ranges_chart(activation, effects), key="learn_ranges_chart", place=left)
    chart(growth_chart(courses, images), key="learn_growth_chart", place=right)
    st.markdown(f":material/lightbulb: {calibration_lesson(courses)}")
    st.dataframe(
        {
            "Method": [METHODS[each.method].title.lower() for each in effects],
            "SQNR, typical photo": [fmt.decibels(each.typical) for each in effects],
            "SQNR, hard photo": [fmt.decibels(each.hard) for each in effects],
            "Clipped": [fmt.percent(each.clipped, 3) for each in effects],
            "Scale (step)": [fmt.plain(each.scale) for each in effects],
            "Zero point": [fmt.count(each.zero_point) for each in effects],
        },
        hide_index=True,
        column_config={
            "Method": st.column_config.TextColumn(help=tip("calibration_method")),
            "SQNR, typical photo": st.column_config.TextColumn(help=tip("typical_photo")),
            "SQNR, hard photo": st.column_config.TextColumn(help=tip("hard_photo")),
            "Clipped": st.column_config.TextColumn(help=tip("clipping")),
            "Scale (step)": st.column_config.TextColumn(help=tip("scale")),
            "Zero point": st.column_config.TextColumn(help=tip("zero_point")),
        },
        key="learn_ranges_table",
    )
    st.caption(
        f"{fmt.counted(len(activation.minima), 'calibration photo')} of this run; SQNR of "
        f"{fmt.count(len(activation.photos))} of them, 8 bits. One layer's SQNR is not the "
        "network's accuracy: clipping what matters harms it, too. The Results page has that."
    )


def is_calibrated(tensors: Tensors) -> bool:
    """Returns whether a run has calibrated anything; says so where not."""
    if not tensors.activations:
        empty(
            "This run has no calibration: int8 was not among its variants. "
            "Tick it in a new experiment, or choose another run above.",
            page="experiment",
            label="New experiment",
        )
    return bool(tensors.activations)


def choose_activation(activations: tuple[Activation, ...], key: str) -> Activation:
    """Asks for an activation."""
    place = st.selectbox(
        "Activation",
        range(len(activations)),
        index=telling_activation(activations),
        format_func=lambda i: f"{activations[i].name} · {'×'.join(map(str, activations[i].shape))}",
        key=key,
        help=tip("activation"),
    )
    return activations[place]


def _choices(activations: tuple[Activation, ...]) -> tuple[Activation, int]:
    left, right = st.columns(2, gap="medium")
    with left:
        activation = choose_activation(activations, "learn_activation")
    with right:
        stops = activation.stops
        images = st.select_slider(
            "Calibration photos",
            stops,
            value=max(stop for stop in stops if stop <= max(_DEFAULT_STOP, stops[0])),
            format_func=fmt.count,
            key="learn_images",
            help=tip("representative_dataset"),
        )
    return activation, images


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
