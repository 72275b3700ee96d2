"""Learn, part 1: weights and the grid they are rounded to."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.learn_weights import channels_chart, weights_chart
from effq_core.learn.grids import BITS, quantize_kernel, telling_channel, telling_layer
from effq_core.learn.lessons import scales_lesson
from effq_core.learn.tensors import Layer, Tensors
from effq_core.tflite.operators import operator_kind
from pages.ui.common.remembered import remembered
from pages.ui.common.show import chart, pick
from pages.ui.learn.source import numbers

_ALL = -1
_SHARED = "per tensor"
_OWN = "per channel"


def weights_part(tensors: Tensors) -> None:
    """Draws the part."""
    st.subheader("What happens when a weight gets only n bits?", anchor=False)
    st.markdown(
        "Every weight moves to the nearest level of a grid. Fewer bits make the grid coarser. "
        "One wide channel stretches a shared grid and leaves the narrow channels few levels."
    )
    layer, bits, symmetric, per_channel, row = _choices(tensors.layers)
    effect, other = (
        remembered(quantize_kernel, layer, bits, symmetric=symmetric, per_channel=own_scales)
        for own_scales in (per_channel, not per_channel)
    )
    if row is None:
        channel = ("Median channel", fmt.decibels(effect.typical), tip("channel"))
    else:
        used = fmt.counted(effect.used(row), "level")
        channel = (f"This channel, {used}", fmt.decibels(effect.channels[row]), tip("levels"))
    scale = effect.grid.scale[row if row is not None and effect.per_channel else 0]
    numbers(
        ("SQNR of the layer", fmt.decibels(effect.total), tip("sqnr")),
        (
            "Per-channel scale" if other.per_channel else "Per-tensor scale",
            fmt.decibels(other.total),
            tip("granularity"),
        ),
        channel,
        ("Scale (step)", fmt.plain(scale), tip("scale")),
    )
    left, right = st.columns([3, 2], gap="medium")
    values = remembered(weights_chart, layer, effect, row)
    chart(values, key="learn_weights_chart", place=left)
    channels = remembered(channels_chart, effect, other, row)
    chart(channels, key="learn_channels_chart", place=right)
    shared, own = (other, effect) if per_channel else (effect, other)
    st.markdown(f":material/lightbulb: {scales_lesson(shared, own)}")
    kept = fmt.counted(len(layer.channels), "channel")
    drawn = (
        f"all {kept}"
        if layer.is_whole
        else f"{kept} drawn at random of {fmt.count(len(layer.low))}, with all their weights; "
        "the shared range is that of all"
    )
    st.caption(
        f"Real weights of the float32 file, batch normalisation folded in: {drawn}. "
        "TensorFlow Lite's int8 files use 8 bits, symmetric, one scale per channel."
    )


def _choices(layers: tuple[Layer, ...]) -> tuple[Layer, int, bool, bool, int | None]:
    first, second, third, fourth, fifth = st.columns(
        [3, 2, 2, 1.4, 2.2], vertical_alignment="bottom", gap="medium"
    )
    with first:
        place = st.selectbox(
            "Layer",
            range(len(layers)),
            index=telling_layer(layers),
            format_func=lambda i: f"{layers[i].name} · {operator_kind(layers[i].kind).title}",
            key="learn_layer",
            help="Some layers of the model, from its input to its output.",
        )
    with third:
        bits = st.slider("Bits", *BITS, 4, key="learn_bits", help=tip("bits"))
    with fourth:
        symmetric = st.toggle("Symmetric", value=True, key="learn_symmetric", help=tip("symmetric"))
    with fifth:
        granularity = pick(
            "Scale", [_SHARED, _OWN], "learn_granularity", _SHARED, help=tip("granularity")
        )
    per_channel = granularity == _OWN
    with second:
        row = _channel(layers[place], per_channel=per_channel)
    return layers[place], bits, symmetric, per_channel, row


def _channel(layer: Layer, *, per_channel: bool) -> int | None:
    """Asks for a channel; ``None`` means all, which only a shared grid allows."""
    titles = remembered(_channel_titles, layer)
    rows = list(range(len(titles)))
    options = rows if per_channel else [_ALL, *rows]
    chosen = st.selectbox(
        "Channel",
        options,
        index=telling_channel(layer) if per_channel else 0,
        format_func=lambda row: "all channels" if row == _ALL else titles[row],
        # A key of its own for each list: a choice must not survive in a list it is not in.
        key=f"learn_channel_{layer.name}_{per_channel}",
        help=tip("channel"),
    )
    return None if chosen == _ALL else chosen


def _channel_titles(layer: Layer) -> list[str]:
    ranges = ((n, float(layer.low[n]), float(layer.high[n])) for n in map(int, layer.channels))
    return [f"{n} · {fmt.plain(low)} to {fmt.plain(high)}" for n, low, high in ranges]
