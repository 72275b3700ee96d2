"""The experiment form: what to compare, on which photos, and how."""

from itertools import groupby

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.experiment import Experiment
from effq_core.experiment.variants import (
    BASELINE,
    CATALOGUE,
    CONTROLS,
    FEW_BITS,
    Variant,
    get_variant,
)
from effq_core.models.card import ModelCard
from effq_core.models.catalogue import MODELS
from effq_core.models.own.card import OwnCard, own_models, variant_problem
from effq_core.models.own.extra_output import background_of
from effq_core.models.own.ready import ReadyFile, ready_files
from effq_core.photos.catalogue import DatasetCard, Origin, available
from effq_core.photos.glance import Glance, glance
from effq_core.photos.roots import require_allowed
from effq_core.pipeline.presets import Preset
from effq_core.results.wording import dataset_title
from pages.ui.common import session
from pages.ui.common.ask import ask, cells
from pages.ui.common.show import escape, guard
from pages.ui.experiment.state import (
    HELD,
    fill,
    fit_sizes,
    is_asked,
    key,
    ready_boxes,
    setting_key,
    variant_key,
)


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
    photos = st.session_state.get(key("dataset"))
    known = (each.classes for each in available(session.home()) if each.id == photos)
    sizes = {len(card.head_labels), *known}
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


# What is to be explained of a panel.
_PANELS = {"Mixed precision": tip("mixed_precision"), FEW_BITS: tip("few_bits")}


def choose_preset(presets: tuple[Preset, ...], current: Experiment | None) -> None:
    """Offers starting points, and marks the one the form describes now."""
    with st.container(horizontal=True, gap="small"):
        for preset in presets:
            chosen = current == preset.experiment
            st.button(
                preset.title,
                key=f"preset_{preset.name}",
                icon=":material/check:" if chosen else None,
                help=preset.summary,
                on_click=fill,
                args=(preset.experiment,),
            )
    active = next((each for each in presets if each.experiment == current), None)
    if active is None:
        st.caption("Your own settings.")
    elif active.missing:
        st.caption(active.summary)
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(
                f":orange[:material/warning:] Without {active.missing}, which this machine does "
                "not have yet, it runs on **the bundled model and photos**."
            )
            st.page_link("pages/views/library.py", label="Download in the Library")
    else:
        st.caption(active.summary)


def choose_dataset() -> None:
    """Asks which photos, and shows some."""
    st.subheader("2 · Photos", anchor=False)
    cards = {card.id: card for card in available(session.home())}
    asked = str(st.session_state.get(key("dataset"), ""))
    if asked not in cards:  # a folder an earlier run used and nobody added
        cards = {**cards, asked: _unlisted(asked)}
    chosen = st.selectbox(
        "Photos",
        list(cards),
        format_func=lambda name: (
            cards[name].title + ("" if cards[name].is_present else " (not here)")
        ),
        key=key("dataset"),
        on_change=fit_sizes,
    )
    card = cards[chosen]
    st.caption(escape(card.summary))
    if not card.is_present:
        to_library("These photos are not on this machine yet.")
        return
    with guard():
        _show(look(str(session.home().root), chosen))


@st.cache_data(show_spinner="Counting the photos …", max_entries=16, ttl=120)
def look(store: str, dataset: str) -> Glance:
    """Counts a dataset; kept for two minutes, so that choices elsewhere do not count again."""
    home = session.home()
    return glance(require_allowed(dataset, home), home)


def _show(seen: Glance) -> None:
    counts = [
        fmt.counted(seen.images, "photo"),
        fmt.counted(len(seen.per_class), "class", "classes") if seen.per_class else "no labels",
        f"{fmt.count(seen.training)} to calibrate and train with",
        f"{fmt.count(seen.evaluation)} to measure on",
    ]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(" · ".join(counts))
        if seen.per_class:
            with st.popover("Classes", icon=":material/label:"):
                st.dataframe(
                    {"Class": list(seen.per_class), "Photos": list(seen.per_class.values())},
                    hide_index=True,
                    height=300,
                    alt="Classes of the dataset and how many photos each has",
                )
    with st.container(horizontal=True, gap="xsmall", key="thumbnails"):
        for each in seen.thumbnails[:10]:
            st.image(each.jpeg, width=76, alt=each.label or "photo without a label")


_GROUPS = {CONTROLS: tip("float_control"), FEW_BITS: tip("few_bits")}


def choose_variants() -> None:
    """Asks which variants."""
    st.subheader("3 · Variants", anchor=False, help=tip("variant"))
    for group, rows in groupby(CATALOGUE.values(), key=lambda row: row.group):
        st.markdown(f"**{group}**", help=_GROUPS.get(group))
        for variant, cell in zip(rows, cells(), strict=False):
            with cell:
                _variant(variant)
    if ready := ready_variants():
        st.markdown("**Your files**, measured on the same photos")
        for variant in ready:
            _variant(variant)


def _variant(variant: Variant) -> None:
    needed, refused = variant.name == BASELINE, refusal(variant.name)
    rule = variant.rounding_rule
    rounding = f"\n\n**Rounding rule:** {rule}. {tip('rounding')}" if rule else ""
    with st.container(gap=None):
        st.checkbox(
            variant.title,
            key=variant_key(variant.name),
            disabled=needed or bool(refused),
            help="Always measured: every variant is compared with it."
            if needed
            else f"{variant.good_for}{rounding}",
        )
        st.caption(escape(refused) or variant.summary)


def choose_settings(experiment: Experiment | None) -> None:
    """Asks for the settings of what was chosen; ``None`` while a value is out of range."""
    st.subheader("4 · Settings", anchor=False)
    shown = [
        each
        for each in HELD
        if each.title and is_asked(each) and (experiment is None or each.matters(experiment))
    ]
    for panel in dict.fromkeys(each.panel for each in shown):
        asked = [each for each in shown if each.panel == panel]
        st.markdown(f"**{panel}**", help=_PANELS.get(panel))
        for each, cell in zip(asked, cells(), strict=False):
            ask(each, setting_key(each), cell)
    st.text_input("Name of the run", max_chars=60, key=key("name"), placeholder="optional")
    common = st.session_state.get(key("common_seed"))
    if common is not None:
        st.caption(f"Evaluation photos by seed {common}, as in the run's sweep.")


def _unlisted(dataset: str) -> DatasetCard:
    return DatasetCard(
        id=dataset,
        title=dataset_title(dataset),
        summary="A folder that is not in the Library.",
        licence="",
        source="",
        bytes_on_disk=0,
        is_present=True,
        classes=0,
        origin=Origin.FOLDER,
    )
