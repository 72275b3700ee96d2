"""One photo on its way through both models: where they diverge, and what an operator sees."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.depth import depth_chart
from effq_core.charts.feature_maps import maps_chart, telling_channels, values_chart
from effq_core.experiment.variants import BASELINE, PTQ
from effq_core.layers.signal_record import SignalRecord
from effq_core.layers.trace import PARTING_DB, Step, Trace, feature_maps, trace
from effq_core.layers.words import layer_title
from effq_core.photos.decode import Pixels
from effq_core.photos.uploads import enlarged
from effq_core.tflite.network import Network, Op
from effq_core.tflite.operators import operator_kind
from pages.ui.common.remembered import remembered
from pages.ui.common.show import button, chart, escape
from pages.ui.common.uploaded import mine
from pages.ui.layers.detail import OPERATOR, decibels
from pages.ui.layers.network import BLOCK
from pages.ui.layers.photo_choice import choose_photo
from pages.ui.layers.source import Known

_SHOWN = 220  # pixels of the photo


@dataclass(frozen=True, eq=False)
class _Output:
    """What is drawn of an operator's output; the output itself may take tens of MiB."""

    shape: tuple[int, ...]
    channels: tuple[int, ...]
    figure: go.Figure


def show_photo(known: Known, op: Op) -> None:
    """Lets the person choose a photo, and follows it through both models."""
    st.subheader("Where do float32 and int8 diverge?", anchor=False, help=tip("parting"))
    left, right = st.columns([1, 3], gap="large")
    with left:
        chosen = choose_photo(known)
        if chosen is None:
            return
        st.image(enlarged(chosen.pixels, _SHOWN), width=_SHOWN, alt=f"The photo: {chosen.name}")
        threshold = st.slider(
            "Threshold, dB", 0.0, 30.0, PARTING_DB, 1.0, key="layers_threshold", help=tip("parting")
        )
    results = known.source.results
    files = results.model_file(BASELINE), results.model_file(PTQ)
    hashed = hashlib.sha256(np.ascontiguousarray(chosen.pixels).tobytes()).hexdigest()
    key = *(results.variants[name].file.sha256 for name in (BASELINE, PTQ)), hashed
    with st.spinner("Running both models …"):
        found = (
            mine("trace", key, lambda: trace(*files, chosen.pixels))
            if chosen.is_own
            else _trace(key, *files, chosen.pixels)
        )
    with right:
        _parting(known, found, threshold)
    what = f"{escape(layer_title(op.layer))} ({escape(operator_kind(op.kind).title)})"
    st.markdown(f"**Output of {what} for this photo**", help=tip("feature_map"))
    usual = (
        mine("output", (*key, op.tensor), lambda: _look(op, *files, chosen.pixels))
        if chosen.is_own
        else _output((*key, op.tensor), op, *files, chosen.pixels)
    )
    _draw_output(op, usual, (*key, op.tensor), lambda c: _look(op, *files, chosen.pixels, c))


# Keyed on what the numbers follow from: the two files and the photo. Nobody changes what is made.
@st.cache_resource(show_spinner=False, max_entries=24)
def _trace(key: tuple[str, ...], _float32: Path, _int8: Path, _pixels: Pixels) -> Trace:
    return trace(_float32, _int8, _pixels)


@st.cache_resource(show_spinner=False, max_entries=24)
def _output(key: tuple[str, ...], _op: Op, _float32: Path, _int8: Path, _pixels: Pixels) -> _Output:
    return _look(_op, _float32, _int8, _pixels)


def _look(
    op: Op, float32: Path, int8: Path, pixels: Pixels, channels: tuple[int, ...] = ()
) -> _Output:
    """Draws an operator's output: in these channels, or where int8 is furthest off."""
    first, second = feature_maps(float32, int8, pixels, op.tensor)
    if first.ndim != 3 or first.shape[0] * first.shape[1] == 1:
        return _Output(first.shape, (), values_chart(op.layer, first, second))
    shown = channels or tuple(telling_channels(first, second))
    return _Output(first.shape, shown, maps_chart(op.layer, first, second, shown))


def _parting(known: Known, found: Trace, threshold: float) -> None:
    below = found.first_below(threshold)
    labels = known.source.results.labels()
    exact, rounded = int(found.float32.argmax()), int(found.int8.argmax())
    sure = fmt.percent(float(found.float32[exact]), 0), fmt.percent(float(found.int8[rounded]), 0)
    answers = (
        f"Both predict **{escape(labels[exact])}** (confidence: float32 {sure[0]}, int8 {sure[1]})."
        if found.agrees
        else f"float32 predicts **{escape(labels[exact])}** (confidence {sure[0]}), int8 "
        f"**{escape(labels[rounded])}** ({sure[1]})."
    )
    st.markdown(f"{answers} {_where(found, below, threshold)}")
    if below is not None:
        button(
            f"Look at {layer_title(below.layer)}",
            "my_location",
            "layers_goto",
            on_click=_go,
            args=(below,),
        )
    chart(remembered(_depth, known.network, known.signal, found, threshold), key="layers_depth")


def _depth(
    network: Network, signal: SignalRecord | None, found: Trace, threshold: float
) -> go.Figure:
    signals = signal.by_tensor if signal else {}
    trunk = found.trunk
    usual = [signals[step.tensor].typical_db for step in trunk if step.tensor in signals]
    return depth_chart(
        network,
        trunk,
        threshold,
        usual=usual if len(usual) == len(trunk) else (),
        usual_photos=signal.images if signal else 0,
    )


def _where(found: Trace, below: Step | None, threshold: float) -> str:
    if below is not None:
        what = operator_kind(below.kind).title
        return (
            f"They diverge at **{escape(layer_title(below.layer))}** "
            f"({escape(what)}, {escape(below.block)}): the first operator whose SQNR, "
            f"{fmt.decimals(below.lower_db, 2)} dB, is under {fmt.decibels(threshold)}."
        )
    lowest = found.lowest
    text = (
        f"The SQNR stays above {fmt.decibels(threshold)}; it is lowest at "
        f"**{escape(layer_title(lowest.layer))}**, {decibels(lowest.lower_db)}."
    )
    if found.agrees:
        return text
    margin = fmt.percent(found.margin, 0)
    return (
        f"{text} float32's class led the next by only {margin}: small errors everywhere tipped a "
        "close decision."
    )


def _go(step: Step) -> None:
    st.session_state[BLOCK] = step.block
    st.session_state[OPERATOR + step.block] = step.tensor


def _draw_output(
    op: Op, usual: _Output, key: tuple[str, ...], look: Callable[[tuple[int, ...]], _Output]
) -> None:
    left, _ = st.columns([1, 1])
    if not usual.channels:
        with left:
            chart(usual.figure, key="layers_values")
        return
    chosen = left.multiselect(
        "Channels",
        range(usual.shape[-1]),
        list(usual.channels),
        key=f"layers_channels_{op.tensor}",
        max_selections=8,
        help="Initially the channels with the largest relative error of int8. " + tip("channel"),
    )
    side = " × ".join(str(each) for each in usual.shape[:2])
    with left:
        if chosen:
            wanted = tuple(chosen)
            shown = (
                usual
                if wanted == usual.channels
                else mine("channels", (*key, wanted), lambda: look(wanted))
            )
            chart(shown.figure, key="layers_maps")
        st.caption(
            f"{side} values a channel: red above zero, blue below. Each row has its own scale; the "
            "difference is int8 − float32."
        )
