"""Measuring a run's files again: their times, or on other photos."""

import streamlit as st

from effq_core.base.errors import EffqError
from effq_core.base.glossary import tip
from effq_core.experiment.experiment import next_sitting
from effq_core.photos.catalogue import available
from effq_core.photos.roots import require_allowed
from effq_core.pipeline.plan import build_plan
from effq_core.results import REFERENCE
from effq_core.results.access import measurable, on_photos
from effq_core.results.wording import run_subject
from pages.ui.common import session
from pages.ui.common.choose import Source
from pages.ui.common.show import button, problem
from pages.ui.experiment.start import start

_AGAIN = ", timed again"


def offer_retiming(source: Source, *, key: str) -> None:
    """Offers to time all files again, in one sitting."""
    if source.id == REFERENCE:
        return  # its photos and models are not on this machine
    if button(
        "Time all files again",
        "timer",
        key,
        help="Starts a new run that repeats only the timings; this run keeps its own. Leave the "
        "machine alone meanwhile.",
    ):
        runs = session.database().list_runs()
        name = next((run_subject(run) for run in runs if run.id == source.id), "")
        again = next_sitting(source.results.experiment, (run.experiment for run in runs))
        if run_id := start(again, f"{name.removesuffix(_AGAIN)}{_AGAIN}"):
            st.switch_page("pages/views/experiment.py", query_params={"run": run_id})


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
        asked = button(
            "Measure these files", "travel_explore", "elsewhere_start", disabled=not cards
        )
    if asked:
        _start(source, chosen)


def _start(source: Source, dataset: str) -> None:
    try:
        allowed = require_allowed(dataset, session.home())
        experiment = on_photos(source.results, source.id, allowed)
        build_plan(experiment, session.home())  # what cannot be measured leaves no run
    except EffqError as error:
        problem(error)
        return
    if run_id := start(experiment, f"{source.title}, on other photos"):
        st.switch_page("pages/views/experiment.py", query_params={"run": run_id})
