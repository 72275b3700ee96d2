"""The network as it is, coloured by a measure, and its blocks ranked beside it."""

import math
from typing import Any

import pandas as pd
import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.network import network_chart
from effq_core.layers.effect_record import BlockEffect, EffectKind
from effq_core.layers.measures import TITLES, Criterion, criteria, measure
from effq_core.layers.words import GROUP_TITLES, KIND_MARKS, KIND_TITLES, block_title
from effq_core.tflite.network import Block
from pages.ui.common.remembered import remembered
from pages.ui.common.show import chart, pick
from pages.ui.common.tables import Write, decimals, show_table
from pages.ui.layers.source import Known

BLOCK = "layers_block"  # key of the chosen block
_BLOCKS = "Blocks"
_RANKED = {
    _BLOCKS: EffectKind.BLOCK,
    "Same part of all": EffectKind.GROUP,
    "Layers of the worst": EffectKind.LAYER,
}
_CRITERION, _CHART, _INSIDE = "layers_criterion", "layers_chart", "layers_inside"
_TIPS = {
    Criterion.ONLY: "only_int8",
    Criterion.GAIN: "kept_out",
    Criterion.SQNR: "block_sqnr",
    Criterion.CLIPPED: "clipped_share",
    Criterion.SPREAD: "range_spread",
}
_TERMS = (
    ("■ Fused-MBConv", "fused_mbconv"),
    ("● MBConv", "mbconv"),
    ("SE squeeze-and-excite", "squeeze_excite"),
    ("⌒ residual", "residual"),
)
_HEAD, _ROW = 38, 35  # pixels of a table's head and of a row
_ABOVE = 70  # pixels of what stands over the table and not over the drawing, or under it


def show_network(known: Known) -> None:
    """Draws the network and the ranked list."""
    st.subheader("Which blocks cause the error?", anchor=False, help=tip("block"))
    offered = criteria(known.signal, known.effect)
    if st.session_state.get(_CRITERION) not in offered:  # left by another run
        st.session_state[_CRITERION] = offered[0]
    left, right = st.columns([5, 4], gap="large")
    with left:
        criterion = st.selectbox(
            "Coloured by",
            offered,
            format_func=TITLES.__getitem__,
            key=_CRITERION,
            help="\n\n".join(f"**{TITLES[each]}**: {tip(_TIPS[each])}" for each in offered),
        )
        shown = remembered(measure, Criterion(criterion), known.signal, known.effect)
        figure = remembered(network_chart, known.network, shown, chosen_block(known))
        chart(figure, key=_CHART, on_select=_clicked, selection_mode="points")
        blocks = known.network.blocks
        present = {KIND_TITLES[block.kind] for block in blocks}
        present |= {"squeeze-and-excite"} if any(block.has_se for block in blocks) else set()
        present |= {"residual"} if any(block.has_residual for block in blocks) else set()
        with st.container(horizontal=True, gap="small", key="layers_legend"):
            for text, term in _TERMS:
                if text.partition(" ")[2] in present:
                    st.caption(text, help=tip(term), width="content")
    with right:
        _ranking(known, max(300, int(figure.layout.height) - _ABOVE))


def choose_block(known: Known) -> Block:
    """Lets the person choose a block by its name, and returns the chosen one."""
    st.session_state[BLOCK] = chosen_block(known)
    name = st.selectbox(
        "Look at a block (or click on one above)",
        [block.name for block in known.network.blocks],
        format_func=lambda name: block_title(known.network.by_name[name]),
        key=BLOCK,
    )
    return known.network.by_name[name]


def chosen_block(known: Known) -> str:
    """Returns the name of the chosen block; at first that of the worst one."""
    name = st.session_state.get(BLOCK)
    if name in known.network.by_name:
        return str(name)
    for criterion in criteria(known.signal, known.effect):
        for worst in remembered(measure, criterion, known.signal, known.effect).worst:
            if worst in known.network.by_name:
                return worst
    return known.network.blocks[0].name


def _clicked() -> None:
    points = st.session_state[_CHART].selection.points
    names = [point["customdata"] for point in points if point.get("customdata")]
    if names:
        st.session_state[BLOCK] = str(names[-1][0] if isinstance(names[-1], list) else names[-1])


def _ranking(known: Known, height: int) -> None:
    if known.effect is None:
        _signal_table(known, height)
        return
    tried = {each.kind for each in known.effect.effects}
    there = [title for title, kind in _RANKED.items() if kind in tried]
    chosen = _BLOCKS
    if len(there) > 1:
        chosen = pick(
            "Ranked",
            there,
            _INSIDE,
            _BLOCKS,
            help="The same part of every block: all residual additions, depthwise convolutions or "
            "squeeze-and-excite. Layers are tried only inside the blocks that matter: the fewest "
            "that cause most of the divergence.",
        )
    _effect_table(known, height, known.effect.ranked(_RANKED[chosen]))


def _effect_table(known: Known, height: int, ranked: tuple[BlockEffect, ...]) -> None:
    signal = {b.block: b.output_db for b in known.signal.by_block()} if known.signal else {}
    rows = []
    for number, each in enumerate(ranked, 1):
        block = known.network.by_name.get(each.block)
        rows.append(
            {
                "rank": number,
                "name": each.name,
                "kind": f"{KIND_MARKS[block.kind]} {KIND_TITLES[block.kind]}"
                if block
                else GROUP_TITLES.get(each.name, ""),
                "only": 1000 * each.only_kl,
                "without": _times(1000, each.without_kl),
                "same": 100 * each.only_agreement.share,
                "extra": _times(1 / fmt.KIB, each.extra_float16),
                "sqnr": signal.get(each.name, math.nan),
            }
        )
    text, number_column = st.column_config.TextColumn, st.column_config.NumberColumn
    config: dict[str, Any] = {
        "rank": number_column("#", width="small"),
        "name": text("Block", pinned=True, help=tip("block")),
        "only": number_column("Alone in int8, mnat", help=tip("only_int8") + " " + tip("mnat")),
        "without": number_column("Left if kept, mnat", help=tip("kept_out")),
        "extra": number_column(
            "Extra size if kept, KiB", help="Kernels stored as float16. " + tip("keep_precision")
        ),
        "same": number_column("Same class, %", help=tip("agreement")),
        "sqnr": number_column("SQNR, dB", help=tip("block_sqnr")),
        "kind": text("Kind", help=tip("mbconv")),
    }
    if not signal:
        del config["sqnr"]
    _table(rows, config, height, "Blocks ranked by what they cost alone, worst first")
    effect = known.effect
    if effect is not None:
        st.caption(
            f"Measured on {fmt.counted(effect.images, 'calibration photo')}; all of int8 has "
            f"{fmt.millinats(effect.baseline_kl)}. Click a column's head to sort."
        )


def _times(factor: float, value: float | None) -> float:
    """Not ``None``: a column of those would not be one of numbers."""
    return math.nan if value is None else factor * value


def _signal_table(known: Known, height: int) -> None:
    if known.signal is None:
        return
    rows = [
        {
            "name": each.block,
            "sqnr": each.output_db,
            "lost": each.lost_db,
            "clipped": 100 * each.clipped.clipped_share,
            "spread": each.widest.spread if each.widest else math.nan,
        }
        for each in known.signal.by_block()
    ]
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    config: dict[str, Any] = {
        "name": text("Block", pinned=True, help=tip("block")),
        "sqnr": number("SQNR, dB", help=tip("block_sqnr")),
        "lost": number("Lost in it, dB", help=tip("sqnr")),
        "clipped": number("Clipped, %", help=tip("clipped_share")),
        "spread": number("Range spread, ×", help=tip("range_spread")),
    }
    _table(rows, config, height, "Blocks and what int8 does to their signal")


_TEXTS: dict[str, Write] = {
    "only": lambda value: fmt.plain(value, 3),
    "without": lambda value: fmt.plain(value, 3),
    "same": decimals(1),
    "extra": decimals(0),
    "sqnr": decimals(1),
    "lost": decimals(1),
    "clipped": decimals(3),
    "spread": decimals(1),
}


def _table(rows: list[dict[str, Any]], config: dict[str, Any], height: int, alt: str) -> None:
    most = min(height, _HEAD + _ROW * len(rows))
    show_table(pd.DataFrame(rows), _TEXTS, config, key="layers_ranking", alt=alt, height=most)
