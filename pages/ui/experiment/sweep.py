"""A sweep: several values of some choices at once, from the form to the runs that are finished."""

import json
from typing import Any

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError
from effq_core.base.glossary import tip
from effq_core.experiment import Experiment
from effq_core.experiment.variants import BASELINE, get_variant
from effq_core.photos.roots import require_allowed
from effq_core.pipeline import control
from effq_core.store.rows import RunRow, Status
from effq_core.sweeps.document import Row, outcome
from effq_core.sweeps.state import create_sweep, find_same, read_sweep
from effq_core.sweeps.sweep import AXES, MOST_RUNS, Sweep, label_of, worth_sweeping
from effq_core.sweeps.union import SweepForecast, forecast_sweep
from pages.ui.common import session
from pages.ui.common.ask import cells
from pages.ui.common.show import button, escape, pick, prose, toast
from pages.ui.experiment.start import history
from pages.ui.experiment.state import run_name

_PREFIX = "sweep_"


def show_sweep_form(experiment: Experiment | None) -> None:
    """Asks which values to try, says what that takes, and offers to run it."""
    with st.expander("Sweep: try several values at once", icon=":material/grid_on:"):
        st.caption(
            "Runs every combination of these values with the model, photos and settings above. "
            "Shared stages run once; all runs are measured on the same photos."
        )
        axes = _axes()
        count = int(st.session_state.get(f"{_PREFIX}seeds") or 1)
        first = experiment.seed if experiment else 0
        seeds = tuple(range(first, first + count)) if count > 1 else ()
        varied = [axis for axis, values in {**axes, "seeds": seeds}.items() if values]
        if experiment is None or not varied:
            st.caption("Choose two or more values of a setting.")
            return
        sweep, cost = None, None
        try:
            base = worth_sweeping(experiment, varied)
            sweep = Sweep(base=base, **axes, seeds=seeds)
            require_allowed(base.dataset, session.home())
            cost = _estimate(
                str(session.home().root), sweep.canonical_json(), session.latest_stamp()
            )
        except EffqError as error:
            st.markdown(f":orange[:material/info:] **{prose(error.message)}** {prose(error.hint)}")
        if sweep is not None and cost is not None:
            _cost(sweep, cost)
        # Not by a callback, which would be given the sweep that was drawn last.
        asked = button("Run the sweep", "grid_on", "do_sweep", disabled=cost is None)
    if asked and sweep is not None:
        _start(sweep)


def _axes() -> dict[str, tuple[Any, ...]]:
    """Asks for values of every axis; of the seeds only how many there are to be."""
    chosen: dict[str, tuple[Any, ...]] = {}
    places = cells()
    for name, each in AXES.items():
        if name == "seeds":
            continue
        values = [*map(str, each.choices())] if each.choices else each.axis.values or each.suggested
        chosen[name] = tuple(
            next(places).multiselect(
                each.label, values, format_func=each.text, help=each.help, placeholder="as above",
                key=_PREFIX + name.rpartition("_")[2], persist_state="page",
            )
        )  # fmt: skip
    seeds = AXES["seeds"].axis
    pick("Seeds", seeds.values, f"{_PREFIX}seeds", 1, persist_state="page", help=seeds.help)
    return chosen


@st.cache_data(show_spinner="Planning the runs …", max_entries=32, ttl=60)
def _estimate(store: str, sweep: str, state: str) -> SweepForecast:
    return forecast_sweep(Sweep.from_dict(json.loads(sweep)), session.home(), history())


def _cost(sweep: Sweep, cost: SweepForecast) -> None:
    names = ", ".join(get_variant(name).title for name in sweep.base.variants)
    time = f"about {fmt.roughly(cost.seconds)}" if cost.seconds else "done in a few seconds"
    st.markdown(
        f"**{fmt.counted(cost.runs, 'run')}**: {escape(label_of(sweep))} · **{time}** on one "
        f"worker · {fmt.count(cost.distinct)} distinct stages of {fmt.count(cost.total)}, "
        f"{fmt.count(cost.cached)} cached  \n"
        f":small[Variants: {escape(names)}. At most {MOST_RUNS} runs.]"
    )


def _start(sweep: Sweep) -> None:
    home, database = session.home(), session.database()
    try:
        require_allowed(sweep.base.dataset, home)
        same = find_same(home, database, sweep)
        if same is None:
            run_id = create_sweep(home, database, sweep, run_name()).id
            control.start_detached(home, run_id)
        else:
            run_id = same.id
            if not same.status.is_active and same.status is not Status.FINISHED:
                control.resume(home, run_id)
            toast("This sweep already exists; it is shown here.", icon=":material/info:")
    except EffqError as error:
        toast(f"{error.message} {error.hint}", icon=":material/error:")
        return
    st.query_params["run"] = run_id
    st.rerun()


def show_sweep_runs(run: RunRow) -> None:
    """Lists what a sweep has found so far, also of runs that are not finished."""
    home = session.home()
    state = read_sweep(home, run.id)
    rows = outcome(home, state)
    done = sum(row.run is not None for row in rows)
    with st.container(horizontal=True, vertical_alignment="center", key="sweep_head"):
        st.markdown(f"**{fmt.count(done)} of {fmt.counted(len(rows), 'run')} finished**")
        kind = "primary" if run.status is Status.FINISHED else "secondary"
        if done and button("See the results", "timeline", "do_sweep_results", type=kind):
            st.switch_page("pages/views/results.py", query_params={"sweep": run.id})
    st.dataframe(
        [values for row in rows for values in _rows(row)],
        hide_index=True,
        height=300,
        key="sweep_runs",
        column_config={
            "Top-1 (95 %)": st.column_config.TextColumn(help=tip("top1")),
            "Against float32": st.column_config.TextColumn(help=tip("paired_interval")),
        },
        alt=f"Table of the sweep's {len(rows)} runs with the accuracy found so far.",
    )


def _rows(row: Row) -> list[dict[str, str]]:
    shown = [found for found in row.found if found.variant != BASELINE] or list(row.found)
    if row.problem or not shown:
        text = f"failed: {row.problem}" if row.problem else "not yet"
        return [{"Run": row.label, "Variant": text, "Top-1 (95 %)": "", "Against float32": "",
                 "n": ""}]  # fmt: skip
    values = []
    for found in shown:
        share, comparison = found.accuracy.top1, found.comparison
        values.append(
            {
                "Run": row.label,
                "Variant": found.title,
                "Top-1 (95 %)": fmt.share_with_interval(share.share, share.low, share.high)
                if share
                else fmt.NOTHING,
                "Against float32": fmt.points(comparison.difference_points)
                if comparison
                else fmt.NOTHING,
                "n": fmt.count(found.accuracy.n),
            }
        )
    return values
