"""What a run was about and what came of it, in three lines."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.experiment.variants import PTQ
from effq_core.results.subject import facts
from pages.ui.common.choose import PARAMETER, Source
from pages.ui.common.show import escape, prose
from pages.ui.results import cache as results_cache
from pages.ui.results.again import offer_retiming


def show_head(source: Source) -> None:
    """Draws the facts, the outcome and whether to trust it."""
    results = source.results
    st.caption(" · ".join(escape(fact) for fact in facts(results)), help=tip("n"))
    _outcome(source)
    _trust(source)


def _outcome(source: Source) -> None:
    """Says the outcome; green only where nothing speaks against its numbers."""
    found = results_cache.outcome(source)
    notes = (f"- {prose(note.text)}" for note in found.cautions)
    text = "\n".join([f"**{escape(found.text)}**", "", *notes])
    if found.variant is None and not found.retime:
        st.error(text, icon=":material/block:")
    elif found.sure:
        st.success(text, icon=":material/recommend:")
    else:
        st.warning(text, icon=":material/warning:")
    if found.retime:
        offer_retiming(source, key="head_anew")


def _trust(source: Source) -> None:
    results = source.results
    gates = [gate for _, gate in results.checks]
    failed = [gate for gate in gates if not gate.passed]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if failed:
            st.badge(
                f"{len(failed)} of {fmt.counted(len(gates), 'check')} failed",
                icon=":material/error:",
                color="red",
                help="Open Checks to see which. A failed check hides nothing.",
            )
        else:
            st.badge(
                f"All {fmt.counted(len(gates), 'check')} passed",
                icon=":material/check:",
                color="green",
                help=tip("gate"),
            )
        if results.warnings:
            st.badge(
                fmt.counted(len(results.warnings), "warning"),
                icon=":material/warning:",
                color="orange",
                help="\n".join(f"- {escape(warning.text)}" for warning in results.warnings[:8]),
            )
        if PTQ in results.variants:
            st.page_link(
                "pages/views/layers.py",
                label="Which layers does int8 hurt?",
                icon=":material/layers:",
                query_params={PARAMETER: source.id},
            )
