"""Bits below eight: how many each block has, what fewer would cost, and a choice by click."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError
from effq_core.base.glossary import tip
from effq_core.charts.network import network_chart
from effq_core.charts.width_errors import width_errors_chart
from effq_core.experiment.fitted import WIDTHS, Fitted
from effq_core.experiment.variants import get_variant
from effq_core.layers.access import fitting
from effq_core.layers.bits import (
    bits_measure,
    block_bits,
    find_fits,
    find_widths,
    free_layers,
    low_bit_variants,
)
from effq_core.layers.named_widths import by_layer
from effq_core.layers.trial_record import Suggestion
from effq_core.layers.width_record import WidthRecord
from effq_core.results import REFERENCE
from effq_core.tflite.network import Network
from effq_core.tflite.product_layers import Layer
from pages.ui.common.choose import Source
from pages.ui.common.show import button, chart, escape, problem
from pages.ui.experiment.start import estimate
from pages.ui.layers.source import network_of
from pages.ui.layers.start import begin
from pages.ui.layers.trials import show_trials

_CHOICE, _OWN = "layers_bits_file", "Your choice"
_PLANNED = "layers_bits_planned"
_CHART, _BLOCK, _BITS = "layers_bits_chart", "layers_bits_block", "layers_bits_of_block"


@dataclass(frozen=True)
class _Planned:
    """The bits somebody chooses, by block; what is not named has 8."""

    run: str
    widths: dict[str, int]

    @property
    def named(self) -> tuple[str, ...]:
        return tuple(f"{block}={bits}" for block, bits in self.widths.items() if bits < 8)


def show_bits(source: Source, *, busy: bool) -> None:
    """Draws the bits of a run's files, and offers to choose others."""
    layers = _free(source.id, source)
    variants = low_bit_variants(source.results)
    if not layers and not variants:
        return
    st.subheader("Bits by block", anchor=False, help=tip("fitted_bits"))
    offered = [*variants, *([_OWN] if source.id != REFERENCE and layers else [])]
    if not offered:
        return
    if st.session_state.get(_CHOICE) not in offered:
        st.session_state[_CHOICE] = offered[0]
    left, right = st.columns(2, gap="large")
    with left:
        shown = st.selectbox("Bits of", offered, format_func=_title, key=_CHOICE)
        own = shown == _OWN
        network = network_of(source)
        blocks = _chosen(source, layers) if own else block_bits(source.results, shown)
        figure = network_chart(network, bits_measure(blocks, network))
        if own:
            chart(figure, key=_CHART, on_select=_clicked, selection_mode="points")
            _choose(source, network, layers, busy=busy)
        else:
            chart(figure, key="layers_bits_file_chart")
    with right:
        _errors(source)
    fits = tuple(_fit(str(folder)) for folder in find_fits(source.results))
    show_trials(fits, "layers_bits")


def _title(name: str) -> str:
    return name if name == _OWN else get_variant(name).title


# The artifact of a folder never changes: its name is the hash of what it was made from.
@st.cache_resource(show_spinner=False, max_entries=8)
def _fit(folder: str) -> Suggestion:
    return Suggestion.load(Path(folder))


@st.cache_resource(show_spinner=False, max_entries=8)
def _record(folder: str) -> WidthRecord:
    return WidthRecord.load(Path(folder))


@st.cache_resource(show_spinner=False, max_entries=8)
def _free(run: str, _source: Source) -> tuple[Layer, ...]:
    return free_layers(_source.results)


def _errors(source: Source) -> None:
    folder = find_widths(source.results)
    if folder is None:
        st.caption(
            "The error of each layer at 8, 4 and 2 bits is measured by a run of "
            "“fitted 8/4/2 bits”."
        )
        return
    record = _record(str(folder))
    chart(width_errors_chart(record), key="layers_bits_errors")
    st.caption(
        "Squared error of each layer's output as a share of its variance, on calibration photos."
        + ("" if record.complete else " Time ran out before every layer was tried.")
    )


def _planned(source: Source, layers: tuple[Layer, ...]) -> _Planned:
    found = st.session_state.get(_PLANNED)
    if not isinstance(found, _Planned) or found.run != source.id:
        found = _Planned(source.id, dict.fromkeys((layer.block for layer in layers), 8))
        st.session_state[_PLANNED] = found
    return found


def _chosen(source: Source, layers: tuple[Layer, ...]) -> dict[str, float]:
    return {name: float(bits) for name, bits in _planned(source, layers).widths.items()}


def _clicked() -> None:
    """Gives the block that was clicked the next width: 8, 4, 2 and again 8."""
    planned = st.session_state[_PLANNED]
    for point in st.session_state[_CHART].selection.points:
        name = point.get("customdata")
        block = name[0] if isinstance(name, list) else name
        if block in planned.widths:
            place = WIDTHS.index(planned.widths[block])
            planned.widths[block] = WIDTHS[(place + 1) % len(WIDTHS)]
            st.session_state[_BLOCK] = block
            st.session_state[_BITS] = planned.widths[block]


def _set() -> None:
    planned = st.session_state[_PLANNED]
    planned.widths[st.session_state[_BLOCK]] = st.session_state[_BITS]


def _show_block() -> None:
    st.session_state[_BITS] = st.session_state[_PLANNED].widths[st.session_state[_BLOCK]]


def _choose(source: Source, network: Network, layers: tuple[Layer, ...], *, busy: bool) -> None:
    planned = _planned(source, layers)
    if st.session_state.get(_BLOCK) not in planned.widths:
        st.session_state[_BLOCK] = next(iter(planned.widths))
        _show_block()
    block, bits = st.columns(2)
    block.selectbox(
        "Block (or click on one above)", list(planned.widths), key=_BLOCK, on_change=_show_block
    )
    bits.selectbox("Bits", WIDTHS, key=_BITS, on_change=_set)
    if not planned.named:
        st.caption("Give at least one block 4 or 2 bits.")
        return
    widths = by_layer(layers, network, {n: b for n, b in planned.widths.items() if b < 8})
    saved = sum(layer.size_bytes(8) - layer.size_bytes(widths[layer.name]) for layer in layers)
    asked = fitting(source.results.experiment, Fitted(widths=planned.named))
    try:
        cost = estimate(asked)
    except EffqError as error:
        problem(error)
        return
    wanted = button("Make and measure", "straighten", "layers_bits_make", disabled=busy)
    st.caption(
        f"{escape(fmt.kib(saved))} less than int8 · about {fmt.roughly(cost.seconds)} · "
        f"{fmt.count(cost.cached)} of {fmt.counted(cost.stages, 'stage')} cached"
    )
    if wanted:
        begin(source, asked, "Bits of")
