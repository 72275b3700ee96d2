"""The Library's runs: what they take on disk, deleting some, and whether new ones can work."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.care.checkup import Check, State, examine
from effq_core.results.wording import run_title, status_title
from effq_core.store.removal import delete_runs, free_unused, plan_deletion
from effq_core.store.rows import RunRow
from effq_core.store.usage import Inventory, take_inventory, usage
from pages.ui.common import session
from pages.ui.common.show import button, empty, escape, guard, toast
from pages.ui.library.folder import height_of
from pages.ui.results.photos import forget_photos

_GENERATION = "library_generation"
_ROWS = 10
_MOST_NAMED = 6


def show_runs() -> None:
    """Draws the table of runs and the button that deletes those selected."""
    runs = session.runs()
    if not runs:
        empty("No runs yet.", page="experiment", label="Set up an experiment")
        return
    # Row numbers mean other runs once some are gone: the table starts anew then.
    generation = st.session_state.setdefault(_GENERATION, 0)
    event = st.dataframe(
        _table(runs, take_inventory(session.home(), session.database())),
        hide_index=True,
        height=height_of(len(runs), _ROWS),
        on_select="rerun",
        selection_mode="multi-row",
        key=f"library_runs_{generation}",
        column_config={
            "In total": st.column_config.Column(help="Everything the run rests on, shared or not."),
            "Only its own": st.column_config.Column(help="What deleting it alone would free."),
        },
        alt="Runs with date, status and size",
    )
    chosen = [runs[row] for row in event.selection.rows if row < len(runs)]
    with st.container(horizontal=True, vertical_alignment="center"):
        button(
            f"Delete {fmt.counted(len(chosen), 'run')} …" if chosen else "Delete …",
            "delete",
            "library_delete",
            disabled=not chosen,
            on_click=_ask,
            args=(chosen,),
        )
        if not chosen:
            st.caption("Select runs to delete. You'll see what depends on them before deleting.")


def _table(runs: Sequence[RunRow], inventory: Inventory) -> object:
    table = pd.DataFrame(
        {
            "Run": [run.name or run_title(run).rpartition(" · ")[0] for run in runs],
            "Date": [run.created for run in runs],
            "Status": [status_title(run.status) for run in runs],
            "In total": [inventory.run_bytes(run.id) for run in runs],
            "Only its own": [inventory.own_bytes(run.id) for run in runs],
        }
    )
    # A Styler keeps the numbers, so that columns sort by size and not by text.
    return table.style.format({"Date": fmt.moment, "In total": fmt.size, "Only its own": fmt.size})


@st.dialog("Delete runs?", icon=":material/delete:")
def _ask(chosen: Sequence[RunRow]) -> None:
    home, database = session.home(), session.database()
    active = [run for run in chosen if run.status.is_active and run.driver_pid is not None]
    names = [f"- {escape(run_title(run))}" for run in chosen[:_MOST_NAMED]]
    if len(chosen) > _MOST_NAMED:
        names.append(f"- and {fmt.count(len(chosen) - _MOST_NAMED)} more")
    st.markdown("\n".join(names))
    if active:
        st.warning(
            f"{fmt.counted(len(active), 'run')} of these still in progress. Cancel first.",
            icon=":material/hourglass_top:",
        )
        return
    plan = plan_deletion(home, take_inventory(home, database), [run.id for run in chosen])
    lines = [
        f"**{fmt.size(plan.freed_bytes)} will be freed**: results, `.tflite` files and charts."
    ]
    if plan.shared_with:
        lines.append(
            f"{fmt.size(plan.shared_bytes)} stay, because "
            f"{fmt.counted(len(plan.shared_with), 'other run')} "
            f"{'uses' if len(plan.shared_with) == 1 else 'use'} the same."
        )
    lines.append("This cannot be undone; the photos and models stay.")
    st.markdown("\n\n".join(lines))
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", key="delete_yes"):
            with guard():
                freed = delete_runs(home, database, plan.runs)
                forget_photos()
                st.session_state[_GENERATION] += 1
                toast(f"{fmt.counted(len(plan.runs), 'run')} deleted, {fmt.size(freed)} freed.")
                st.rerun()
        if st.button("Keep them", key="delete_no"):
            st.rerun()


_METRIC_PIXELS = 160


def show_space() -> None:
    """Draws the sizes of the store's parts, and offers to free what no run uses."""
    home = session.home()
    used = usage(home, take_inventory(home, session.database()))
    with st.container(horizontal=True):  # and not columns: two beside each other on a phone
        for label, size, help_ in (
            ("Results of runs", used.artifacts, tip("artifact")),
            ("Stored photos", used.datasets, None),
            ("Stored models", used.models, None),
            ("Free on this disk", used.free, None),
        ):
            st.metric(label, fmt.size(size), help=help_, width=_METRIC_PIXELS)
    with st.container(horizontal=True, vertical_alignment="center"):
        if used.unused:
            button(
                f"Free {fmt.size(used.unused)} that no run uses",
                "cleaning_services",
                "library_free",
                help=tip("unused"),
                on_click=_free,
            )
        else:
            st.caption("Nothing to free: everything in the store belongs to a run.")


@guard()
def _free() -> None:
    freed = free_unused(session.home(), session.database())
    forget_photos()
    toast(f"{fmt.size(freed)} freed.")


_ICONS = {
    State.OK: ":material/check_circle:",
    State.NOTE: ":material/info:",
    State.FAILED: ":material/error:",
}


@st.cache_data(ttl=30, max_entries=2, show_spinner=False)
def _checks(_store: str) -> list[Check]:
    return examine(session.home(), network=False)


def show_health() -> None:
    """Draws the answers of ``effq doctor``, the network excepted."""
    box = st.expander(
        "Health of this installation",
        icon=":material/health_and_safety:",
        key="library_health",
        on_change="rerun",
    )
    if not box.open:  # the checks read every artifact's manifest
        return
    with box:
        checks = _checks(str(session.home().root))
        failed = [check for check in checks if check.state is State.FAILED]
        st.markdown(
            "**Runs cannot work here.**" if failed else "Everything a run needs is in place."
        )
        st.markdown("\n".join(_line(check) for check in checks))


def _line(check: Check) -> str:
    hint = f" {escape(check.hint)}" if check.hint else ""
    return f"- {_ICONS[check.state]} **{escape(check.name)}**: {escape(check.found)}.{hint}"
