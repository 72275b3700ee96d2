"""The latest runs as a list with links."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.results.wording import run_subject, status_title
from effq_core.store.rows import RunRow
from effq_core.sweeps.state import member_runs
from pages.ui.common import session
from pages.ui.common.run_view import BADGES
from pages.ui.common.show import button, empty, escape


def show_runs(most: int, *, links: bool = True) -> None:
    """Lists the latest runs, active ones first; a narrow column has no room for links."""
    # A sweep stands for its runs: dozens of them would push everything else out of the list.
    hidden = member_runs(session.home())
    everything = session.runs()
    runs = [run for run in everything if run.id not in hidden]
    runs.sort(key=lambda run: not run.status.is_active)
    if not runs:
        empty("No runs yet. Stages are cached, so later runs are quicker.")
        return
    for run in runs[:most]:
        _row(run, links=links)
    if len(everything) > min(len(runs), most):
        label = f"All {len(everything)} runs in the Library"
        st.page_link("pages/views/library.py", label=label)


def _row(run: RunRow, *, links: bool) -> None:
    icon, _ = BADGES[run.status]
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"run_row_{run.id}"
    ):
        # Buttons, not links: Streamlit marks every link to the page one is on as the current one.
        if st.button(
            f"{fmt.moment(run.created)} · {status_title(run.status)} · {escape(run_subject(run))}",
            icon=icon,
            type="tertiary",
            key=f"open_{run.id}",
            help="Stages, log and actions of this run",
        ):
            st.switch_page("pages/views/experiment.py", query_params={"run": run.id})
        if (
            links
            and run.results is not None
            and button("Results", "scatter_plot", f"results_{run.id}", type="tertiary")
        ):
            st.switch_page("pages/views/results.py", query_params={"run": run.id})
