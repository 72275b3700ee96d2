"""Experiment: what should be compared, on which photos, and how long will it take?"""

import streamlit as st

from effq_core.base.errors import ExperimentError, InputError
from effq_core.pipeline.presets import demo, offered
from pages.ui.common import session
from pages.ui.common.run_list import show_runs
from pages.ui.common.run_view import show_run
from pages.ui.common.show import guard, page_head
from pages.ui.experiment.form import (
    choose_dataset,
    choose_model,
    choose_preset,
    choose_settings,
    choose_variants,
)
from pages.ui.experiment.start import show_cost
from pages.ui.experiment.state import fill_once, read
from pages.ui.experiment.sweep import show_sweep_form

page_head("Experiment", "What should be compared, on which photos, and how long will it take?")

run_id = st.query_params.get("run")
if run_id:
    try:
        session.database().get_run(run_id)
    except InputError:
        # Not the error's own words: they tell what to type on a command line.
        st.warning(
            "The run in this address was deleted or never existed. Choose another run, or start a "
            "new experiment below.",
            icon=":material/link_off:",
        )
    else:
        with guard():
            show_run(run_id)
        st.stop()

fill_once(demo())
experiment, wrong = None, None
try:
    experiment = read()
except ExperimentError as error:
    wrong = error

choose_preset(offered(session.home()), experiment)
form, latest = st.columns([2, 1], gap="large")
with form:
    choose_model()
    choose_dataset()
    choose_variants()
    choose_settings(experiment)
    show_sweep_form(experiment)
with latest:
    st.subheader("Latest runs", anchor=False)
    show_runs(most=8, links=False)
show_cost(experiment, wrong)
