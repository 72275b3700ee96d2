"""Pick for me: limits in, a variant out, and why every other one lost."""

from __future__ import annotations

import math

import streamlit as st

from effq_core import formatting as fmt
from effq_core.glossary import tip
from effq_core.recommend import Limits, Preference, Recommendation, drop_of
from effq_core.results import Results
from pages.ui import results_cache
from pages.ui.choose import Source
from pages.ui.results_choices import choose_threads
from pages.ui.results_files import model_download
from pages.ui.show import escape

_PREFER = {
    Preference.FASTEST: "the fastest",
    Preference.SMALLEST: "the smallest",
    Preference.MOST_ACCURATE: "the most accurate",
}


def show_pick(source: Source) -> None:
    """Draws the limits and the recommendation.

    Args:
        source: The run.
    """
    st.subheader("Which one should I ship?", anchor=False)
    limits = _limits(source.results)
    found = results_cache.recommendation(source, limits)
    _chosen(source, found)
    for verdict in found.others:
        icon = ":material/check_circle:" if verdict.fits else ":material/block:"
        st.markdown(f"{icon} **{escape(verdict.title)}**: {escape(verdict.reason)}")
    if found.others:
        st.caption(
            ":material/check_circle: within the limits, but beaten  ·  "
            ":material/block: outside the limits, or not to be shipped"
        )


def _limits(results: Results) -> Limits:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        threads = choose_threads(results)
        prefer = st.segmented_control(
            "Of those within the limits, take",
            list(Preference),
            format_func=_PREFER.__getitem__,
            default=Preference.FASTEST,
            required=True,
            key="pick_prefer",
            persist_state="page",
        )
    left, middle, right = st.columns(3)
    with left:
        size = _size_limit(results)
    with middle:
        latency = _latency_limit(results, threads)
    with right:
        drop, certain = _drop_limit(results)
    return Limits(
        threads=threads,
        size_kib=size,
        latency_ms=latency,
        drop_points=drop,
        certain=certain,
        prefer=Preference(prefer or Preference.FASTEST),
    )


def _size_limit(results: Results) -> float | None:
    sizes = [variant.file.size_kib for variant in results.variants.values()]
    low, high = math.floor(min(sizes) / 100) * 100, math.ceil(max(sizes) / 100) * 100
    if low >= high:
        low = 0
    chosen = st.slider(
        "Largest file",
        low,
        high,
        high,
        step=max(1, (high - low) // 200),
        format="%d KiB",
        key=f"pick_size_{low}_{high}",
        help=f"{tip('size')} At the right end there is no limit.",
        persist_state="page",
    )
    return None if chosen >= high else float(chosen)


def _latency_limit(results: Results, threads: int) -> float | None:
    timings = [variant.timing(threads) for variant in results.variants.values()]
    medians = [timing.median_ms for timing in timings if timing is not None]
    if not medians:
        return None
    low, high = math.floor(0.9 * min(medians)), math.ceil(1.02 * max(medians))
    chosen = st.slider(
        f"Longest median latency, {fmt.counted(threads, 'thread')}",
        float(low),
        float(max(high, low + 1)),
        float(max(high, low + 1)),
        step=0.1,
        format="%.1f ms",
        key=f"pick_latency_{low}_{high}",
        help=f"{tip('latency')} At the right end there is no limit.",
        persist_state="page",
    )
    return None if chosen >= max(high, low + 1) else float(chosen)


def _drop_limit(results: Results) -> tuple[float | None, bool]:
    labelled = results.baseline.accuracy.top1 is not None
    worst = max(
        (drop_of(variant, certain=True) for variant in results.variants.values()), default=0.0
    )
    high = float(max(3, math.ceil(worst)))
    chosen = st.slider(
        "Largest drop of top-1" if labelled else "Most answers unlike float32's",
        0.0,
        high,
        min(1.0, high) if labelled else high,
        step=0.1,
        format="%.1f points" if labelled else "%.1f %%",
        key=f"pick_drop_{high}",
        help=f"{tip('top1') if labelled else tip('agreement')} At the right end there is no limit.",
        persist_state="page",
    )
    certain = st.checkbox(
        "even at the far end of the 95 % interval",
        key="pick_certain",
        help=tip("paired_interval"),
        persist_state="page",
    )
    return (None if chosen >= high else float(chosen)), certain


def _chosen(source: Source, found: Recommendation) -> None:
    with st.container(border=True, key="picked"):
        if found.chosen is None:
            st.markdown(
                ":material/block: **No variant keeps to these limits.** Loosen the one that is "
                "named most often below."
            )
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/recommend: **{escape(found.chosen.title)}**: "
                f"{escape(found.chosen.reason)}"
            )
            model_download(source, found.chosen.name, primary=True)
        for caution in found.cautions:
            st.caption(f":material/warning: {escape(caution)}")
