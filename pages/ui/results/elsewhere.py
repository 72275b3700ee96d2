"""Measuring a run's files on other photos, from its results."""

import streamlit as st

from effq_core.base.errors import EffqError
from effq_core.base.glossary import tip
from effq_core.experiment import Experiment
from effq_core.photos.catalogue import available
from effq_core.photos.roots import require_allowed
from effq_core.pipeline.plan import build_plan
from effq_core.results.access import measurable, on_photos
from pages.ui.common import session
from pages.ui.common.choose import Source
from pages.ui.common.show import problem
from pages.ui.experiment.start import start


def show_elsewhere(source: Source) -> None:
    """Offers to measure the run's files on photos it has not seen."""
    st.subheader("Measure on other photos", anchor=False, help=tip("files_of"))
    if not measurable(source.results):
        st.caption("There is no file of this run on this machine.")
        return
    cards = {card.id: card.title for card in available(session.home()) if card.is_present}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Photos to measure on",
            list(cards),
            format_func=cards.__getitem__,
            key="elsewhere_photos",
            help="Photos on this machine. Their classes must be among this run's, or they have no "
            "labels. Add your own in the Library.",
        )
        asked = st.button(
            "Measure these files",
            icon=":material/travel_explore:",
            key="elsewhere_start",
            disabled=not cards,
        )
    if asked:
        _start(source, chosen)


def _start(source: Source, dataset: str) -> None:
    try:
        experiment = _experiment(source, require_allowed(dataset, session.home()))
    except EffqError as error:
        problem(error)
        return
    if run_id := start(experiment, f"{source.title}, on other photos"):
        st.switch_page("pages/views/experiment.py", query_params={"run": run_id})


def _experiment(source: Source, dataset: str) -> Experiment:
    made = on_photos(source.results, source.id, dataset)
    build_plan(made, session.home())  # what cannot be measured is said here and leaves no run
    return made
