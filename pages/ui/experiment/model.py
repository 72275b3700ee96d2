"""The experiment form's first question: which model."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.experiment.variants import Variant, get_variant
from effq_core.models.card import ModelCard
from effq_core.models.catalogue import MODELS
from effq_core.models.own.card import OwnCard, own_models, variant_problem
from effq_core.models.own.extra_output import background_of
from effq_core.models.own.ready import ReadyFile, ready_files
from effq_core.photos.catalogue import available
from pages.ui.common import session
from pages.ui.common.show import escape
from pages.ui.experiment.state import key, ready_boxes, variant_key


def choose_model() -> None:
    """Asks which model: one of EffQ's, or an added one."""
    st.subheader("1 · Model", anchor=False)
    cards = _cards()
    if st.session_state.get(key("model")) not in cards:  # an own one that was removed
        st.session_state[key("model")] = next(iter(cards))
    chosen = st.selectbox(
        "Model", list(cards), format_func=lambda name: _title(cards[name]), key=key("model")
    )
    card = cards[chosen]
    st.caption(
        f"{escape(card.summary)} {fmt.count(card.parameters)} parameters, "
        f"{card.image_size} × {card.image_size} pixels. Licence: {card.licence}."
    )
    if not card.is_present(session.home()):
        to_library("Its weights are not on this machine yet.")


def ready_variants() -> list[Variant]:
    """Returns the added files that could stand beside the chosen model's variants."""
    card = _cards().get(str(st.session_state.get(key("model"))))
    if card is None:
        return []
    sizes = {len(card.head_labels), *_dataset_sizes()}
    files = ready_files(session.home())
    offered = [file.variant for file in files if _widths(file) & sizes]
    for name in ready_boxes():  # one that is no longer offered could not be unticked
        if name not in offered and st.session_state[variant_key(name)]:
            st.session_state[variant_key(name)] = False
            st.rerun()
    return [get_variant(name) for name in offered]


def _widths(file: ReadyFile) -> set[int]:
    """Returns how many classes a run beside the file may have: "background" may be one too many."""
    names = [label.name for label in file.labels]
    return {len(names), len(names) - (background_of(names) is not None)}


def _dataset_sizes() -> list[int]:
    chosen = st.session_state.get(key("dataset"))
    return [card.classes for card in available(session.home()) if card.id == chosen]


def refusal(variant: str) -> str:
    """Says why the chosen model cannot become a variant, and unchooses it; empty where it can."""
    card = _cards().get(str(st.session_state.get(key("model"))))
    problem = variant_problem(card, variant) if isinstance(card, OwnCard) else ""
    if problem and st.session_state.get(variant_key(variant)):
        st.session_state[variant_key(variant)] = False
        st.rerun()  # what was read from the form still had it
    return problem


def to_library(text: str) -> None:
    """Says what is missing, with the way to get it."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/download: {text}")
        st.page_link("pages/views/library.py", label="Get it in the Library")


def _cards() -> dict[str, ModelCard]:
    return {**MODELS, **{card.id: card for card in own_models(session.home())}}


def _title(card: ModelCard) -> str:
    return f"{card.title} (yours)" if isinstance(card, OwnCard) else card.title
