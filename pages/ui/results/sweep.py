"""Accuracy against one choice, over several runs or a whole sweep, and what it comes to."""

import json
from collections.abc import Sequence

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.front import quality_title
from effq_core.charts.sweep import sweep_chart
from effq_core.experiment.variants import BASELINE
from effq_core.results import Results
from effq_core.results.wording import run_title
from effq_core.sweeps.document import outcome, to_csv, to_json
from effq_core.sweeps.findings import HOW, alongs, findings, results_of
from effq_core.sweeps.points import AXIS, Along, Measure, Series
from effq_core.sweeps.results import baselines, sweep
from effq_core.sweeps.state import SweepState, read_sweep
from effq_core.sweeps.sweep import label_of
from pages.ui.common import session
from pages.ui.common.choose import Source
from pages.ui.common.show import button, chart, download, empty, escape, pick

_ALONG = {
    Along.CALIBRATION_SIZE: "Against calibration photos",
    Along.QAT_EPOCHS: "Against QAT epochs",
    Along.LEARNING_RATE: "Against the learning rate",
}
_Runs = Sequence[tuple[str, Results]]


def show_sweep(run_id: str) -> None:
    """Draws everything a sweep's finished runs have found."""
    home, database = session.home(), session.database()
    state = read_sweep(home, run_id)
    run = database.get_run(run_id)
    runs = _load(run_id, tuple(sorted(state.runs.items())))
    st.subheader(run_title(run), anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"{escape(label_of(state.sweep))}: {fmt.count(len(runs))} of "
            f"{fmt.counted(state.sweep.runs, 'run')} finished."
        )
        if button("Its runs", "list", "do_sweep_run"):
            st.switch_page("pages/views/experiment.py", query_params={"run": run_id})
        if button("Other results", "scatter_plot", "do_other_results"):
            st.query_params.pop("sweep", None)
            st.rerun()
    if len(runs) < 2:
        empty("At least two finished runs are needed for a comparison.")
        return
    choices = alongs(state.sweep)
    along, measure = _choose(choices, choices[0])
    varied = tuple(name for name in state.sweep.base.variants if name != BASELINE)
    finished = ",".join(map(str, sorted(state.runs.values())))
    _draw(f"sweep/{run_id}/{finished}", runs, along, measure, varied)
    rows = outcome(session.home(), state)
    known = tuple((row.run, row.problem, len(row.found)) for row in rows)
    table, document = _documents(run_id, known, state)
    with st.container(horizontal=True, key="sweep_downloads"):
        download("Every run (CSV)", table, f"sweep-{run_id}.csv", key="sweep_csv")
        download("Every number (JSON)", document, f"sweep-{run_id}.json", key="sweep_json")


@st.cache_data(show_spinner="Saving the runs …", max_entries=4)
def _documents(
    run_id: str, known: tuple[tuple[str | None, str, int], ...], _state: SweepState
) -> tuple[str, str]:
    home = session.home()
    plain = to_json(home, session.database(), _state)
    return to_csv(outcome(home, _state)), json.dumps(plain, indent=1, ensure_ascii=False)


@st.cache_resource(show_spinner="Reading the runs …", max_entries=4)
def _load(run_id: str, runs: tuple[tuple[int, str], ...]) -> tuple[tuple[str, Results], ...]:
    home = session.home()
    return results_of(home, session.database(), read_sweep(home, run_id))


def show_choice(sources: Sequence[Source]) -> None:
    """Draws accuracy against one choice over runs somebody chose."""
    st.subheader("Accuracy by setting", anchor=False)
    along, measure = _choose(tuple(Along), Along.CALIBRATION_SIZE)
    runs = [(source.title, source.results) for source in sources]
    key = "/".join(f"{source.id}.{source.stamp}" for source in sources)
    _draw(key, runs, along, measure, ())


def _choose(choices: Sequence[Along], default: Along) -> tuple[Along, Measure]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        along = default
        if len(choices) > 1:
            shown = {"format_func": _ALONG.__getitem__, "label_visibility": "collapsed"}
            along = Along(
                pick("Along", choices, "several_along", default, persist_state="page", **shown)
            )
        difference = st.toggle(
            "difference to float32", key="several_difference", help=tip("paired_interval"),
            persist_state="page",
        )  # fmt: skip
    return along, Measure.DIFFERENCE if difference else Measure.QUALITY


@st.cache_resource(show_spinner="Comparing the runs …", max_entries=16)
def _series(
    key: str, along: Along, measure: Measure, variants: tuple[str, ...], _runs: _Runs
) -> tuple[Series, ...]:
    found = sweep(_runs, along, measure)
    return tuple(each for each in found if not variants or each.variant in variants)


@st.cache_resource(show_spinner="Comparing the runs …", max_entries=16)
def _findings(
    key: str, along: Along, variants: tuple[str, ...], quality: str, _runs: _Runs
) -> tuple[str, ...]:
    return findings(_series(key, along, Measure.QUALITY, variants, _runs), along, quality)


def _draw(key: str, runs: _Runs, along: Along, measure: Measure, variants: tuple[str, ...]) -> None:
    series = _series(key, along, measure, variants, runs)
    values = {point.x for entry in series for point in entry.points}
    if len(values) < 2 and not variants:  # a sweep of methods alone has one place, and lines
        st.info(
            f"{AXIS[along].split(' (')[0]}: the same in all these runs. Choose runs that differ in "
            "it, or run the experiment with another value.",
            icon=":material/timeline:",
        )
        return
    labelled = runs[0][1].baseline.accuracy.top1 is not None
    quality = "top-1" if labelled else "agreement with float32"
    found = _findings(key, along, variants, quality, runs)
    if found:
        with st.container(border=True, key="sweep_findings"):
            for number, sentence in enumerate(found):
                st.markdown(f"**{escape(sentence)}**" if number == 0 else escape(sentence))
            st.caption(escape(HOW))
    figure = sweep_chart(
        series,
        along,
        measure,
        baselines=baselines(runs) if measure is Measure.QUALITY else (),
        quality=quality_title(runs[0][1]),
    )
    chart(figure, key="several_sweep")
    several = any(len(point.seeds) > 1 for entry in series for point in entry.points)
    st.caption(
        "Thin bars are 95 % intervals over photos (Wilson's; of a difference the paired one)"
        + (
            "; broad bars reach from the least to the greatest seed, and the marker is their mean. "
            if several
            else "; "
        )
        + "Lines join runs that differ in nothing but the seed."
    )
