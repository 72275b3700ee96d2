"""Layers: why did accuracy drop, and what fixes it?"""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.experiment.variants import PTQ
from effq_core.layers.explain import how_far, which_blocks
from effq_core.results import REFERENCE
from pages.ui.common.choose import choose_run
from pages.ui.common.show import empty, escape, guard, page_head
from pages.ui.layers.bits import show_bits
from pages.ui.layers.detail import show_detail
from pages.ui.layers.mixed import show_mixed
from pages.ui.layers.network import choose_block, show_network
from pages.ui.layers.photo import show_photo
from pages.ui.layers.rescue import rescue_part
from pages.ui.layers.source import Known, known_about
from pages.ui.layers.start import follow, offer_again, offer_look


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


@st.fragment
# Guarded in here: a fragment runs again by itself, without what is around it.
@guard()
def _explore(known: Known) -> None:
    show_network(known)
    block = choose_block(known)
    op = show_detail(known, block)
    show_photo(known, op)


def page() -> None:
    """Draws the page."""
    page_head("Layers", "Why did accuracy drop, and what fixes it?")
    source = choose_run()
    if source is None:
        empty("There is no run yet.", page="experiment", label="Run an experiment")
        return
    under_way = follow(source)
    known = None
    with guard():  # damaged evidence is said, and what needs none is still there
        known = known_about(source)
        if known is not None:
            show_head(known)
            if not under_way:
                offer_again(source, known.asked)
            _explore(known)
        elif not under_way:
            offer_look(source)
    with guard():
        show_bits(source, busy=under_way)
    if source.id == REFERENCE:
        _elsewhere()
        return
    if known is not None:
        with guard():
            show_mixed(known, busy=under_way)
    with guard():
        rescue_part(source)


def _elsewhere() -> None:
    """Says where remedies can be tried: not here, as their files are measured on photos."""
    st.subheader("Remedies", anchor=False, help=tip("mixed_precision"))
    empty(
        "Remedies are measured on the run's photos, and the reference run's do not come with EffQ. "
        "Choose another run above to try them.",
        page="experiment",
        label="Run an experiment",
    )


with guard():
    page()
