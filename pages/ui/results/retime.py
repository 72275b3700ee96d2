"""Timing a run's files once more."""

import streamlit as st

from effq_core.experiment.experiment import next_sitting
from effq_core.results import REFERENCE
from effq_core.results.wording import run_subject
from pages.ui.common import session
from pages.ui.common.choose import Source
from pages.ui.common.show import button
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
