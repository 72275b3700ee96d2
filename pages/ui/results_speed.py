"""Latency: the distribution, its steadiness, threads, cold start and memory."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from effq_core import formatting as fmt
from effq_core.charts.latency import distribution, steadiness, thread_scaling
from effq_core.glossary import tip
from effq_core.recommend_cautions import disturbances
from effq_core.remeasure import next_sitting
from effq_core.results import REFERENCE, Results
from effq_core.results.subject import machine
from effq_core.wording import run_subject
from pages.ui import results_cache, session
from pages.ui.choose import Source
from pages.ui.experiment_start import start
from pages.ui.results_choices import choose_threads
from pages.ui.results_devices import show_devices
from pages.ui.show import chart, escape, prose
from pages.ui.tables import decimals, written

_SHOWN = "speed_shown"
_AGAIN = ", timed again"


def show_speed(source: Source) -> None:
    """Draws the timed invocations of a run.

    Args:
        source: The run.
    """
    results = source.results
    threads = choose_threads(results)
    if apart := results_cache.timed_apart(source):
        st.warning(prose(apart), icon=":material/schedule:")
    st.subheader("One photo", anchor=False, help=tip("latency"))
    chart(distribution(results, threads), key="distribution")
    st.caption(
        "Box: the middle half of the timed invocations, with the median; dots: the stragglers. "
        f"Measured on {escape(machine(results.hardware))}."
    )
    _table(results, threads)
    _anew(source)
    st.subheader("Was the machine calm?", anchor=False, help=tip("steadiness"))
    _calm(results, threads)
    names = list(results.variants)
    if any(name not in names for name in st.session_state.get(_SHOWN, ())):
        del st.session_state[_SHOWN]
    shown = st.pills(
        "Variants",
        names,
        selection_mode="multi",
        default=[name for name in ("float32", "int8", "int8_qat") if name in names],
        format_func=lambda name: results.variants[name].title,
        key=_SHOWN,
        label_visibility="collapsed",
        persist_state="page",
    )
    if shown:
        chart(steadiness(results, threads, shown), key="steadiness")
    if len(results.threads) > 1:
        st.subheader("What more threads give", anchor=False, help=tip("threads"))
        chart(thread_scaling(results), key="scaling")
    show_devices(source, threads)


def _anew(source: Source) -> None:
    """Offers to take all latencies once more, in one sitting."""
    if source.id == REFERENCE:
        return  # its photos and models are not on this machine
    if st.button(
        "Take all latencies anew",
        icon=":material/timer:",
        help="A new run of the same experiment: everything but the timings is used again, and "
        "this run keeps those it has. Leave the machine alone meanwhile.",
        key="speed_anew",
    ):
        runs = session.database().list_runs()
        name = next((run_subject(run) for run in runs if run.id == source.id), "")
        again = next_sitting(source.results.experiment, (run.experiment for run in runs))
        if run_id := start(again, f"{name.removesuffix(_AGAIN)}{_AGAIN}"):
            st.switch_page("pages/views/experiment.py", query_params={"run": run_id})


def _calm(results: Results, threads: int) -> None:
    """Says what disturbed a timing, before the chart that shows it."""
    found = disturbances(results, threads)
    if not found:
        st.caption(":material/check: No timing was disturbed by other programs, and all are even.")
    for sentence in found:
        st.markdown(f":orange[:material/warning:] {escape(sentence)}")


def _table(results: Results, threads: int) -> None:
    timed = [(v, v.timing(threads)) for v in results.variants.values()]
    frame = pd.DataFrame(
        [
            {
                "variant": variant.title,
                "median": timing.median_ms,
                "faster": results.speedup(variant.name, threads),
                "p90": timing.p90_ms,
                "p99": timing.p99_ms,
                "rate": timing.images_per_second,
                "cold": timing.cold_start_ms,
                "memory": timing.peak_memory_kib / 1024,
                "n": len(timing.samples_ms),
            }
            for variant, timing in timed
            if timing is not None
        ]
    )
    number = st.column_config.NumberColumn
    st.dataframe(
        written(
            frame,
            dict.fromkeys(("median", "faster", "p90", "p99"), decimals(2))
            | {"rate": fmt.count, "cold": fmt.count, "memory": decimals(1), "n": fmt.count},
        ),
        column_config={
            "variant": st.column_config.TextColumn("Variant", pinned=True),
            "median": number("Median, ms", help=tip("median")),
            "faster": number("× faster", help=tip("speedup")),
            "p90": number("90 % within, ms", help=tip("p90")),
            "p99": number("99 % within, ms", help=tip("p99")),
            "rate": number("Photos/s", help=tip("throughput")),
            "cold": number("Cold start, ms", help=tip("cold_start")),
            "memory": number("Peak memory, MiB", help=tip("peak_memory")),
            "n": number("n, invocations", help="Timed invocations the numbers rest on."),
        },
        hide_index=True,
        height="content",
        key=f"speed_table_{threads}",
        alt="Table of latency, cold start and memory of each variant.",
    )
