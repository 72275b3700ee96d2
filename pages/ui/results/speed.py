"""Latency: the distribution, its steadiness, threads, cold start and memory."""

import pandas as pd
import streamlit as st

from effq_core.advise.cautions import disturbances
from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.latency import distribution, steadiness, thread_scaling
from effq_core.experiment.variants import BASELINE
from effq_core.results import Results
from effq_core.results.subject import machine
from pages.ui.common.choose import Source
from pages.ui.common.show import chart, escape
from pages.ui.common.tables import decimals, show_table
from pages.ui.results.again import offer_retiming
from pages.ui.results.choices import choose_threads
from pages.ui.results.devices import show_devices

_SHOWN = "speed_shown"


def show_speed(source: Source) -> None:
    """Draws the timed invocations of a run."""
    results = source.results
    threads = choose_threads(results)
    st.subheader("Latency per photo", anchor=False, help=tip("latency"))
    chart(distribution(results, threads), key="distribution")
    st.caption(
        "Box: the middle half of the timed invocations, with the median. Dots: outliers. "
        f"Measured on {escape(machine(results.hardware))}."
    )
    _table(results, threads)
    offer_retiming(source, key="speed_anew")
    st.subheader("Was timing stable?", anchor=False, help=tip("steadiness"))
    # Says what disturbed a timing, before the chart that shows it.
    found = disturbances(results, threads)
    if not found:
        st.caption(":material/check: Other programs disturbed no timing, and all were stable.")
    for message in found:
        st.markdown(f":orange[:material/warning:] {escape(message.text)}")
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
        st.subheader("Speed by thread count", anchor=False, help=tip("threads"))
        chart(thread_scaling(results), key="scaling")
    show_devices(source, threads)


def _table(results: Results, threads: int) -> None:
    timed = [
        (v, timing) for v in results.variants.values() if (timing := v.timing(threads)) is not None
    ]
    ratios = [results.speedup(variant.name, threads) for variant, _ in timed]
    frame = pd.DataFrame(
        [
            {
                "variant": variant.title,
                "median": timing.median_ms,
                "faster": ratio.times if ratio else None,
                "rounds": ratio.interval if ratio and variant.name != BASELINE else fmt.NOTHING,
                "p90": timing.p90_ms,
                "p99": timing.p99_ms,
                "rate": timing.images_per_second,
                "cold": timing.cold_start_ms,
                "memory": timing.peak_memory_kib / 1024,
                "n": len(timing.samples_ms),
            }
            for (variant, timing), ratio in zip(timed, ratios, strict=True)
        ]
    )
    number = st.column_config.NumberColumn
    show_table(
        frame,
        dict.fromkeys(("median", "faster", "p90", "p99"), decimals(2))
        | {"rate": fmt.count, "cold": fmt.count, "memory": decimals(1), "n": fmt.count},
        {
            "variant": st.column_config.TextColumn("Variant", pinned=True),
            "median": number("Median, ms", help=tip("median")),
            "faster": number("× faster", help=tip("speedup")),
            "rounds": st.column_config.TextColumn("Lowest to highest round", help=tip("rounds")),
            "p90": number("90 % within, ms", help=tip("p90")),
            "p99": number("99 % within, ms", help=tip("p99")),
            "rate": number("Photos/s", help=tip("throughput")),
            "cold": number("Cold start, ms", help=tip("cold_start")),
            "memory": number("Peak memory, MiB", help=tip("peak_memory")),
            "n": number("n, invocations", help="Timed invocations the numbers rest on."),
        },
        key=f"speed_table_{threads}",
        alt="Table of latency, cold start and memory of each variant.",
        disturbed={
            "median": [timing.disturbed for _, timing in timed],
            "faster": [ratio is not None and ratio.disturbed for ratio in ratios],
        },
        height="content",
    )
