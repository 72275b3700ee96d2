"""Latency: the distribution, its steadiness, threads, cold start and memory."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from effq_core.charts.latency import distribution, steadiness, thread_scaling
from effq_core.glossary import tip
from effq_core.results import Results
from effq_core.results.subject import machine
from pages.ui.choose import Source
from pages.ui.results_choices import choose_threads
from pages.ui.results_devices import show_devices
from pages.ui.show import chart, escape

_SHOWN = "speed_shown"


def show_speed(source: Source) -> None:
    """Draws the timed invocations of a run.

    Args:
        source: The run.
    """
    results = source.results
    threads = choose_threads(results)
    st.subheader("One photo", anchor=False, help=tip("latency"))
    chart(distribution(results, threads), key="distribution")
    st.caption(
        "Box: the middle half of the timed invocations, with the median; dots: the stragglers. "
        f"Measured on {escape(machine(results.hardware))}."
    )
    _table(results, threads)
    for variant in results.variants.values():
        timing = variant.timing(threads)
        if timing is not None and timing.warning:
            st.caption(f":material/warning: {escape(variant.title)}: {escape(timing.warning)}")
    st.subheader("Was the machine calm?", anchor=False, help=tip("steadiness"))
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
        frame,
        column_config={
            "variant": st.column_config.TextColumn("Variant", pinned=True),
            "median": number("Median, ms", format="%.2f", help=tip("median")),
            "faster": number("× faster", format="%.2f", help=tip("speedup")),
            "p90": number("90 % within, ms", format="%.2f", help=tip("p90")),
            "p99": number("99 % within, ms", format="%.2f", help=tip("p99")),
            "rate": number("Photos/s", format="%.0f", help=tip("throughput")),
            "cold": number("Cold start, ms", format="%.0f", help=tip("cold_start")),
            "memory": number("Peak memory, MiB", format="%.1f", help=tip("peak_memory")),
            "n": number("n, invocations", help="Timed invocations the numbers rest on."),
        },
        hide_index=True,
        height="content",
        key=f"speed_table_{threads}",
        alt="Table of latency, cold start and memory of each variant.",
    )
