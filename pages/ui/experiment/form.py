"""The experiment form: what to compare, on which photos, and how."""

from __future__ import annotations

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base import hardware
from effq_core.base.glossary import tip
from effq_core.experiment import (
    BENCHMARK_INVOCATIONS,
    CALIBRATION_SIZES,
    Experiment,
    QatLoss,
)
from effq_core.experiment.calibration_methods import METHODS
from effq_core.experiment.variants import BASELINE, CATALOGUE, MIXED, Variant, get_variant
from effq_core.photos.catalogue import DatasetCard, Origin, available
from effq_core.photos.glance import Glance, glance
from effq_core.photos.roots import require_allowed
from effq_core.pipeline.presets import Preset
from effq_core.results.wording import dataset_title, loss_title, method_title
from pages.ui.common import session
from pages.ui.common.show import escape, guard
from pages.ui.experiment.mixed import choose_mixed
from pages.ui.experiment.model import ready_variants, refusal, to_library
from pages.ui.experiment.state import (
    BATCH_SIZES,
    LEARNING_RATES,
    OWN_SIZE,
    fill,
    fit_sizes,
    key,
    variant_key,
)

_SHOWN_CLASSES = 30
_IMAGE_SIZES = (64, 96, 128, 160, 192, 224, 240, 260, 300)


def choose_preset(presets: tuple[Preset, ...], current: Experiment | None) -> None:
    """Offers starting points.

    Args:
        presets: What is offered.
        current: What the form describes now, to mark the preset it is.
    """
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
    """Counts a dataset; kept for two minutes, so that choices elsewhere do not count again.

    Args:
        store: The store's folder.
        dataset: The dataset's identifier.

    Returns:
        What there is.

    Raises:
        DatasetError: If it cannot be used, or lies outside the folders this server may show.
    """
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


def choose_variants() -> None:
    """Asks which variants."""
    st.subheader("3 · Variants", anchor=False, help=tip("variant"))
    rows = list(CATALOGUE.values())
    for variant in (row for row in rows if not row.is_control):
        _variant(variant)
    st.markdown("**Controls** tell what made the difference", help=tip("float_control"))
    for variant in (row for row in rows if row.is_control):
        _variant(variant)
    if ready := ready_variants():
        st.markdown("**Your files**, measured on the same photos")
        for variant in ready:
            _variant(variant)


def _variant(variant: Variant) -> None:
    needed, refused = variant.name == BASELINE, refusal(variant.name)
    with st.container(gap=None):
        st.checkbox(
            variant.title,
            key=variant_key(variant.name),
            disabled=needed or bool(refused),
            help="Always measured: every other number is a difference to it."
            if needed
            else variant.good_for,
        )
        st.caption(escape(refused) or variant.summary)


def choose_settings(experiment: Experiment | None) -> None:
    """Asks for the settings of what was chosen.

    Args:
        experiment: What the form describes; ``None`` while a value is out of range.
    """
    chosen = [get_variant(name) for name in experiment.variants] if experiment else []
    st.subheader("4 · Settings", anchor=False)
    if not chosen or any(variant.needs_calibration for variant in chosen):
        _calibration()
    if not chosen or any(variant.trained for variant in chosen):
        _training()
    if st.session_state.get(variant_key(MIXED)):
        choose_mixed()
    _measuring()


def _calibration() -> None:
    left, right = st.columns(2)
    low, high = CALIBRATION_SIZES
    left.slider(
        "Calibration photos",
        low,
        high,
        step=10,
        key=key("calibration_size"),
        help=tip("representative_dataset"),
    )
    method = right.selectbox(
        "Calibration method",
        list(METHODS),
        format_func=method_title,
        key=key("calibration_method"),
        help="\n\n".join(
            [tip("calibration_method"), *(f"{m.title}: {m.summary}" for m in METHODS.values())]
        ),
    )
    if METHODS[method].uses_percentile:
        right.number_input(
            "Percentile, %",
            step=0.01,
            format="%.3f",
            key=key("percentile"),
            help=tip("percentile"),
        )


def _training() -> None:
    left, middle, right = st.columns(3)
    # No bounds here: the experiment has them, and says what they are.
    left.number_input("QAT epochs", step=1, key=key("epochs"), help=tip("epochs"))
    middle.selectbox(
        "Learning rate",
        _with(LEARNING_RATES, "learning_rate"),
        format_func=lambda rate: f"{rate:.0e}".replace("e-0", "e-"),
        key=key("learning_rate"),
        help=tip("learning_rate"),
    )
    right.selectbox(
        "Loss",
        [each.value for each in QatLoss],
        format_func=loss_title,
        key=key("loss"),
        help=tip("loss"),
    )
    left, middle, _ = st.columns(3)
    left.number_input(
        "Training photos",
        step=1,
        value=None,
        placeholder="all that remain",
        key=key("training_size"),
        help=tip("training_size"),
    )
    middle.selectbox(
        "Batch size",
        _with(BATCH_SIZES, "batch_size"),
        key=key("batch_size"),
        help=tip("batch_size"),
    )


def _measuring() -> None:
    left, middle, right = st.columns(3)
    left.number_input(
        "Evaluation photos",
        step=1,
        value=None,
        placeholder="all there are",
        key=key("evaluation_size"),
        help=tip("evaluation_size"),
    )
    cores = hardware.usable_cores()
    middle.multiselect(
        "Threads", list(range(1, cores + 1)), key=key("threads"), help=tip("threads")
    )
    right.number_input("Seed", step=1, key=key("seed"), help=tip("seed"))
    left, rest = st.columns([1, 2])
    left.selectbox(
        "Input size, pixels",
        [OWN_SIZE, *_with(_IMAGE_SIZES, "image_size")],
        format_func=lambda side: str(side or "the model's own"),
        key=key("image_size"),
        help=tip("image_size"),
    )
    rest.text_input("Name of the run", max_chars=60, key=key("name"), placeholder="optional")
    common = st.session_state.get(key("common_seed"))
    st.caption(
        f"Latency: {BENCHMARK_INVOCATIONS[0]} timed invocations for each thread count, with "
        "nothing else on the cores."
        + (
            f" Evaluation photos by seed {common}, as in the run's sweep."
            if common is not None
            else ""
        )
    )


def _with(options: tuple[float, ...], field: str) -> list[float]:
    """Adds what is set now to the options, so that an experiment of one's own can be shown."""
    value = st.session_state.get(key(field))
    return sorted({*options, *([value] if value else [])})


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
