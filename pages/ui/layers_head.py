"""What int8 loses and which blocks do it, in a few words."""

from __future__ import annotations

import streamlit as st

from effq_core import formatting as fmt
from effq_core.glossary import tip
from effq_core.layers.explain import how_far, which_blocks
from effq_core.variants import PTQ
from pages.ui.layers_source import Known
from pages.ui.show import escape


def show_head(known: Known) -> None:
    """Says what int8 loses, which blocks do it, and how that was found out.

    Args:
        known: About the run.
    """
    results, effect = known.source.results, known.effect
    loss = results.variants[PTQ].sentence or "There is nothing to compare int8 with."
    with st.container(border=True, key="layers_headline"):
        st.markdown(f"**{escape(loss)}**", help=tip("mcnemar"))
        if effect is None:
            st.markdown("Which blocks do it has not been measured.")
            return
        st.markdown(f"**{escape(which_blocks(effect))}** {escape(how_far(effect))}", help=tip("kl"))
    if not effect.complete:
        st.warning(
            f"The time of {fmt.duration(effect.budget_seconds)} was up before everything was "
            f"tried: {fmt.counted(len(effect.not_reached), 'block or layer', 'blocks or layers')} "
            "are missing. Look again with more time.",
            icon=":material/timer_off:",
        )
