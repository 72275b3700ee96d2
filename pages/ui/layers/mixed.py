"""Selective precision: keep some blocks out of int8, by hand or the smallest set that will do."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError
from effq_core.base.glossary import tip
from effq_core.experiment.mixed import Mixed, Precision
from effq_core.experiment.setting import settings
from effq_core.layers.access import mixing
from effq_core.layers.explain import carriers
from effq_core.layers.words import GROUP_TITLES, block_title
from pages.ui.common.ask import ask
from pages.ui.common.show import problem
from pages.ui.experiment.start import estimate
from pages.ui.layers.source import Known
from pages.ui.layers.start import begin
from pages.ui.layers.trials import show_made, show_trials

_SUGGEST, _BY_HAND = "Suggest for me", "I choose the blocks"


def show_mixed(known: Known, *, busy: bool) -> None:
    """Draws the choice, what was tried, and what was made."""
    st.subheader("Selective precision: keep a few blocks in floats", anchor=False,
                 help=tip("mixed_precision"))  # fmt: skip
    mixed = _choice(known)
    if mixed is not None:
        _button(known, mixed, busy=busy)
    show_trials(known)
    show_made(known)


def _choice(known: Known) -> Mixed | None:
    way = st.segmented_control(
        "How",
        [_SUGGEST, _BY_HAND],
        default=_SUGGEST,
        required=True,
        key="layers_way",
        label_visibility="collapsed",
    )
    precision = _precision()
    if way == _BY_HAND:
        keep = _blocks(known)
        if not keep:
            st.caption("Choose at least one block.")
            return None
        return Mixed(keep=tuple(keep), precision=precision)
    return limits("layers", precision)


def _precision() -> Precision:
    chosen = st.radio(
        "Kept blocks are stored as",
        [each.value for each in Precision],
        key="layers_precision",
        horizontal=True,
        help=tip("keep_precision"),
    )
    return Precision(chosen)


def _blocks(known: Known) -> list[str]:
    found = carriers(known.effect) if known.effect else None
    worst = [each.name for each in found.blocks] if found else []
    titles = {block.name: block_title(block) for block in known.network.blocks}
    titles |= {name: f"▤ {name}: {GROUP_TITLES[name]}" for name in known.network.groups}
    chosen = st.multiselect(
        "Keep in floats",
        list(titles),
        [name for name in worst if name in titles],
        format_func=titles.__getitem__,
        key=f"layers_keep_{known.source.id}",
        help="Initially the blocks that cause most of the divergence. The last entries are the "
        "same part of every block.",
    )
    effects = known.effect.by_name if known.effect else {}
    extra = [effects[name].extra_float16 for name in chosen if name in effects]
    if chosen and len(extra) == len(chosen) and None not in extra:
        total = sum(each or 0 for each in extra)
        st.caption(f"About {fmt.kib(total)} more than int8 in float16, measured one by one.")
    return list(chosen)


def limits(prefix: str, precision: Precision = Precision.FLOAT16) -> Mixed:
    """Asks within which limits the smallest set of blocks is looked for."""
    limited = [each for each in settings(Mixed) if each.use and each.kind is float]
    return Mixed(precision=precision).changed(
        {
            each.name: ask(each, f"{prefix}_{each.key}", place, value=each.default)
            for each, place in zip(limited, st.columns(3), strict=True)
        }
    )


def _button(known: Known, mixed: Mixed, *, busy: bool) -> None:
    asked = mixing(known.source.results.experiment, mixed, known.asked)
    try:
        cost = estimate(asked)
    except EffqError as error:
        problem(error)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        wanted = st.button(
            "Find the smallest set" if mixed.is_suggested else "Make this mixed file",
            type="primary",
            icon=":material/auto_fix_high:",
            key="layers_mix",
            disabled=busy,
            help="A run on these layers is in progress." if busy else None,
        )
        st.caption(
            f"about {fmt.roughly(cost.seconds)} · {fmt.count(cost.cached)} of "
            f"{fmt.counted(cost.stages, 'stage')} cached · every set is measured, not just "
            "predicted"
        )
    if wanted:
        begin(known.source, asked, "Mixed from")
