"""What int8 loses and which blocks do it, in a few words."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.experiment.variants import PTQ
from effq_core.layers.effect_record import EffectRecord
from effq_core.layers.explain import how_far, which_blocks
from pages.ui.common.show import escape
from pages.ui.layers.source import Known


def show_head(known: Known) -> None:
    """Says what int8 loses, which blocks do it, and how that was found out."""
    results, effect = known.source.results, known.effect
    loss = results.variants[PTQ].sentence or "There is nothing to compare int8 with."
    with st.container(border=True, key="layers_headline"):
        st.markdown(f"**{escape(loss)}**", help=tip("mcnemar"))
        if effect is None:
            st.markdown("Which blocks cause it has not been measured.")
            return
        which = which_blocks(effect, len(known.network.blocks))
        st.markdown(f"**{escape(which)}** {escape(how_far(effect))}", help=tip("kl"))
    _say_what_is_missing(known, effect)


def _say_what_is_missing(known: Known, effect: EffectRecord) -> None:
    tried = {each.name: each for each in effect.blocks}
    names = [block.name for block in known.network.blocks]
    blocks = sum(name not in tried or tried[name].without_kl is None for name in names)
    time = f"The time limit of {fmt.duration(effect.budget_seconds)} was reached"
    if blocks:
        st.warning(
            f"{time} before {fmt.count(blocks)} of {fmt.counted(len(names), 'block')} had been "
            "tried both ways. Analyse again with more time.",
            icon=":material/timer_off:",
        )
    elif not effect.complete:
        st.caption(
            f"Every block was tried. {time} before all layers inside the worst ones were tried: "
            f"{fmt.count(len(effect.not_reached))} are missing."
        )
