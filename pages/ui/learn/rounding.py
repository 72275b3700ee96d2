"""Learn, part 3: which integer a weight becomes, and what decides at 8, 4 and 2 bits."""

from pathlib import Path

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.learn_recovery import recovery_chart
from effq_core.charts.learn_rounding import errors_chart, integers_chart
from effq_core.learn.access import find_rounding
from effq_core.learn.recovery import by_bits
from effq_core.learn.rounding import BITS, NEAREST, RoundingRecord, rounding_lesson
from effq_core.results import Results
from pages.ui.common.choose import Source
from pages.ui.common.remembered import remembered
from pages.ui.common.show import chart, empty, pick
from pages.ui.learn.source import numbers


@st.cache_resource(show_spinner=False, max_entries=4)
def _load(folder: str) -> RoundingRecord:
    # The artifact of a folder never changes: its name is the hash of what it was made from.
    return RoundingRecord.load(Path(folder))


def rounding_part(source: Source) -> None:
    """Draws the part."""
    st.subheader("Ranges, rounding, training: what decides at 8, 4 and 2 bits?", anchor=False)
    folder = find_rounding(source.results)
    if folder is None:
        empty(
            "This run has no weights rounded by GPTQ. Tick “int4” and “int4 nearest” in a new "
            "experiment; finished stages are reused.",
            page="experiment",
            label="New experiment",
        )
        return
    record = _load(str(folder))
    if not record.layers:
        st.caption("This model's layers have too few weights to show what rounding does.")
        return
    st.markdown(
        "A layer adds up many products, so errors of rounding can cancel out. A rule that looks at "
        "the sum sends some weights to the *other* neighbour, and the sum comes out right."
    )
    first, second, third = st.columns([3, 1.6, 1.6], vertical_alignment="bottom", gap="medium")
    with first:
        place = st.selectbox(
            "Layer",
            range(len(record.layers)),
            index=len(record.layers) // 2,
            format_func=lambda i: record.layers[i].name,
            key="learn_rounded_layer",
        )
    with second:
        bits = pick("Bits", list(BITS), "learn_rounded_bits", 4, help=tip("bits"))
    with third:
        rules = record.layers[place].rules
        rule = pick(
            "Against nearest",
            list(rules),
            "learn_rounding_rule",
            next(iter(rules)),
            format_func=rules.__getitem__,
            help=tip("rounding"),
        )
    layer = record.layers[place]
    plain, found = layer.by(bits, NEAREST), layer.by(bits, rule)
    numbers(
        ("Error by nearest", f"{fmt.plain(100 * plain.error, 2)} %", tip("output_error")),
        (f"By {rules[rule]}", f"{fmt.plain(100 * found.error, 2)} %", tip("output_error")),
        ("Weights moved", f"{fmt.plain(100 * found.moved, 2)} %", tip("rounding")),
    )
    left, right = st.columns([3, 2], gap="medium")
    integers = remembered(integers_chart, layer, bits, rule)
    chart(integers, key="learn_integers_chart", place=left)
    errors = remembered(errors_chart, layer, rule)
    chart(errors, key="learn_rounding_errors_chart", place=right)
    st.markdown(f":material/lightbulb: {rounding_lesson(layer, bits, rule)}")
    st.caption(
        f"Real weights of {fmt.count(layer.outputs)} × {fmt.count(layer.inputs)}, one channel "
        f"drawn; errors are of all, on {fmt.counted(record.images, 'calibration photo')}."
    )
    _answers(source.results)


def _answers(results: Results) -> None:
    found = by_bits(results)
    if found:
        st.markdown("**What it does to this run's answers**")
        n = results.baseline.accuracy.n
        chart(recovery_chart(found, n), key="learn_few_bits_chart")
    st.markdown(
        "**In the paper's words.** *Group-wise quantization* is what “dynamic int4” does: a scale "
        "for every 32 weights of a channel. *Hardware-aware mixed precision* is “fitted”: bits "
        "for each layer, within a size and a time measured on this machine."
    )
