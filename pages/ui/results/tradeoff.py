"""The trade-off: accuracy against size and latency, sizes as bars."""

from typing import Any

import streamlit as st

from effq_core.base.glossary import tip
from effq_core.charts.bars import sizes
from effq_core.charts.tradeoff import Against, tradeoff
from effq_core.experiment.variants import get_variant
from effq_core.results import Results
from effq_core.results.paper import beside_paper
from pages.ui.common.choose import Source
from pages.ui.common.remembered import remembered
from pages.ui.common.show import chart, escape
from pages.ui.results.choices import choose_threads


def show_tradeoff(source: Source) -> None:
    """Draws the charts."""
    results = source.results
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        threads = choose_threads(results)
        controls = _controls(results)
        paper = _paper(results)
    left, right = st.columns(2)
    with left:
        st.subheader("Accuracy vs file size", anchor=False, help=tip("pareto"))
        shown: dict[str, Any] = {"threads": threads, "controls": controls, "paper": paper}
        chart(remembered(tradeoff, results, Against.SIZE, **shown), key="tradeoff_size")
    with right:
        st.subheader("Accuracy vs latency", anchor=False, help=tip("latency"))
        chart(remembered(tradeoff, results, Against.LATENCY, **shown), key="tradeoff_latency")
    st.caption(
        "Up and to the left is better. Bars are 95 % intervals; the tooltip has the exact values."
    )
    st.subheader("File size", anchor=False, help=tip("compression"))
    chart(remembered(sizes, results, paper=paper), key="sizes")
    if paper:
        about_paper(results)


def _controls(results: Results) -> bool:
    if not any(get_variant(name).is_control for name in results.variants):
        return True
    return st.toggle(
        "Controls",
        value=True,
        key="tradeoff_controls",
        help=f"{tip('float_control')} {tip('untrained_control')}",
        persist_state="page",
    )


def _paper(results: Results) -> bool:
    if not beside_paper(results).rows:
        return False
    return st.toggle(
        "The paper's values",
        value=True,
        key="tradeoff_paper",
        help="Hollow markers: what the paper printed for the same network. Why they differ is "
        "explained below the charts.",
        persist_state="page",
    )


def about_paper(results: Results) -> None:
    """Explains why our numbers differ from the paper's."""
    with st.expander("Why our numbers differ from the paper", icon=":material/article:"):
        st.markdown(
            "\n".join(f"- {escape(sentence)}" for sentence in beside_paper(results).differences)
        )
