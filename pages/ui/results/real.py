"""Is the difference real? Flips, exact p, intervals, and the sentence that follows."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.differences import against_float32
from effq_core.results import Results
from effq_core.results.pairs import Pair, is_real
from pages.ui.common.choose import Source
from pages.ui.common.show import chart, escape
from pages.ui.common.tables import show_pairs
from pages.ui.results import cache as results_cache
from pages.ui.results.again import show_elsewhere
from pages.ui.results.choices import choose_pair


def show_real(source: Source) -> None:
    """Draws one pair closely, all variants against float32, and every pair on request."""
    st.subheader("Is the difference real?", anchor=False, help=tip("mcnemar"))
    chosen = choose_pair(source.results)
    if chosen is not None:
        _one(source.results, results_cache.pair(source, *chosen))
    figure = against_float32(source.results)
    if figure is not None:
        st.subheader("Every variant against float32", anchor=False, help=tip("paired_interval"))
        chart(figure, key="differences")
        st.caption(
            "Filled markers differ significantly (exact McNemar, p below 0.05); hollow ones are "
            "consistent with chance. The band is ±1 point: a difference inside it hardly matters."
        )
    if len(source.results.variants) > 2 and st.toggle(
        "Show every pair", key="real_all", persist_state="page"
    ):
        titles = {name: variant.title for name, variant in source.results.variants.items()}
        pairs = results_cache.all_pairs(source)
        show_pairs(
            {"variant": "Variant", "against": "Compared with"},
            [((titles[p.second], titles[p.first]), p.comparison, p.adjusted_p) for p in pairs],
            key="real_pairs",
            alt=f"Table of {len(pairs)} pairs of variants with flips and exact p.",
        )
        st.caption(
            f"{fmt.counted(len(pairs), 'pair')} at once: one test in twenty shows p below 0.05 by "
            "chance alone. The last p corrects for that."
        )
    show_elsewhere(source)


def _one(results: Results, pair: Pair) -> None:
    comparison = pair.comparison
    real = is_real(comparison.p)
    icon = ":material/check:" if real else ":material/casino:"
    if real is None:
        icon = ":material/compare_arrows:"
    with st.container(border=True, key="real_sentence"):
        st.markdown(f"{icon} **{escape(pair.sentence)}**")
    agreement = comparison.agreement
    with st.container(horizontal=True, gap="medium"):
        if comparison.p is not None:
            interval = fmt.points_interval(comparison.low_points, comparison.high_points)
            _metric("95 % interval", interval.removesuffix(" points"), "paired_interval")
            flips = f"{fmt.count(comparison.worse)} / {fmt.count(comparison.better)}"
            _metric("Worse / better", flips, "worse_better")
            _metric("Exact McNemar", fmt.p_value(comparison.p), "mcnemar")
        _metric("Same answer", fmt.percent(agreement.share), "agreement")
    if comparison.too_small_to_tell:
        st.warning(
            f"{fmt.counted(comparison.n, 'photo')} are too few to exclude a difference of 1 point. "
            f"These flips could have shown {fmt.points(comparison.detectable_points)} or more.",
            icon=":material/warning:",
        )
    first, second = (escape(results.variants[name].title) for name in (pair.first, pair.second))
    about = ""
    if comparison.p is not None:
        about = (
            f"Worse: {first} right, {second} wrong. Better: the reverse. The interval is of the "
            "difference, in points of top-1. "
        )
    st.caption(
        f"{about}Same answer: 95 % interval "
        f"{fmt.percent_interval(agreement.low, agreement.high)}, n = {fmt.count(comparison.n)}; "
        f"KL {fmt.plain(comparison.kl)} nats.",
        help=tip("kl"),
    )


def _metric(label: str, value: str, term: str) -> None:
    st.metric(label, value, help=tip(term), width="content")
