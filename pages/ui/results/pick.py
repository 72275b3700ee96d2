"""Pick for me: limits in, a variant out, and why every other one lost."""

import math
from collections.abc import Callable

import streamlit as st

from effq_core.advise.reasons import nearest
from effq_core.advise.recommend import (
    USUAL_DROP_POINTS,
    USUAL_UNLIKE_PERCENT,
    Limits,
    Preference,
    Recommendation,
    drop_of,
)
from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.experiment.variants import get_variant
from effq_core.results import Results
from pages.ui.common.choose import Source
from pages.ui.common.show import button, escape, pick, prose
from pages.ui.results import cache as results_cache
from pages.ui.results.again import offer_retiming
from pages.ui.results.choices import choose_threads
from pages.ui.results.numbers import model_download

_PREFER = {
    Preference.FASTEST: "the fastest",
    Preference.SMALLEST: "the smallest",
    Preference.MOST_ACCURATE: "the most accurate",
}
NO_LIMIT = math.inf
_SIZE, _LATENCY, _DROP = "pick_size", "pick_latency", "pick_drop"


def show_pick(source: Source) -> None:
    """Draws the limits and the recommendation."""
    st.subheader("Which one should I ship?", anchor=False)
    limits = _limits(source.results)
    found = results_cache.recommendation(source, limits)
    _chosen(source, found, limits)
    for verdict in found.others:
        icon = ":material/check_circle:" if verdict.fits else ":material/block:"
        st.markdown(
            f"{icon} **{escape(get_variant(verdict.name).title)}**: {escape(verdict.reason.text)}"
        )
    if found.others:
        st.caption(
            ":material/check_circle: within the limits, but another is better  ·  "
            ":material/block: outside the limits, or not to be shipped"
        )


def _limits(results: Results) -> Limits:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        threads = choose_threads(results)
        prefer = pick(
            "Of those within the limits, take",
            list(Preference),
            "pick_prefer",
            Preference.FASTEST,
            format_func=_PREFER.__getitem__,
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
    step = max(1, (high - low) // 200)
    return _slider(
        "Largest file",
        [float(size) for size in range(low, high, step)],
        lambda size: fmt.kib(1024 * size),
        key=_SIZE,
        explained=tip("size"),
    )


def _latency_limit(results: Results, threads: int) -> float | None:
    timings = [variant.timing(threads) for variant in results.variants.values()]
    medians = [timing.median_ms for timing in timings if timing is not None]
    if not medians:
        return None
    low, high = math.floor(0.9 * min(medians)), math.ceil(1.02 * max(medians))
    return _slider(
        f"Longest median latency, {fmt.counted(threads, 'thread')}",
        _tenths(low, max(high, low + 1)),
        lambda latency: f"{fmt.decimals(latency, 1)} ms",
        key=_LATENCY,
        explained=tip("latency"),
    )


def _drop_limit(results: Results) -> tuple[float | None, bool]:
    labelled = results.baseline.accuracy.top1 is not None
    worst = max(
        (drop_of(variant, certain=True) for variant in results.variants.values()), default=0.0
    )
    drop = _slider(
        "Largest drop of top-1" if labelled else "Most answers that differ from float32",
        _tenths(0, max(3, math.ceil(worst))),
        lambda points: f"{fmt.decimals(points, 1)} {'points' if labelled else '%'}",
        key=_DROP,
        explained=tip("top1") if labelled else tip("agreement"),
        first=USUAL_DROP_POINTS if labelled else USUAL_UNLIKE_PERCENT,
    )
    certain = st.checkbox(
        "worst case of the 95 % interval",
        key="pick_certain",
        help=tip("paired_interval"),
        persist_state="page",
    )
    return drop, certain


def _tenths(low: int, high: int) -> list[float]:
    return [tenth / 10 for tenth in range(10 * low, 10 * high)]


def _slider(
    label: str,
    values: list[float],
    write: Callable[[float], str],
    *,
    key: str,
    explained: str,
    first: float = NO_LIMIT,
) -> float | None:
    """Draws a slider whose right end is no limit at all."""
    options = [*values, NO_LIMIT]
    # Of another run or thread count, or what a variant needs: the next option up.
    wanted = st.session_state.get(key, first)
    st.session_state[key] = next(option for option in options if option >= wanted - 1e-9)
    chosen = st.select_slider(
        label,
        options,
        key=key,
        format_func=lambda value: "no limit" if value == NO_LIMIT else write(value),
        help=f"{explained} At the right end there is no limit.",
        persist_state="page",
    )
    return None if chosen == NO_LIMIT else float(chosen)


def _loosen(limits: Limits) -> None:
    for key, limit in (
        (_SIZE, limits.size_kib),
        (_LATENCY, limits.latency_ms),
        (_DROP, limits.drop_points),
    ):
        if limit is not None:
            st.session_state[key] = limit


def _nearest(source: Source, limits: Limits) -> None:
    """Says which variant comes nearest to limits none keeps to, and offers what it needs."""
    found = nearest(source.results, limits)
    text = ":material/block: **No variant meets these limits.**"
    if found is None:
        st.markdown(f"{text} None may be shipped, or none was timed with that many threads.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{text} {escape(found.message.text)}")
        button(
            f"Loosen the limits to {get_variant(found.name).title}",
            "tune",
            "pick_loosen",
            on_click=_loosen,
            args=(found.limits,),
        )


def _chosen(source: Source, found: Recommendation, limits: Limits) -> None:
    with st.container(border=True, key="picked"):
        if found.retime:
            st.markdown(f":material/timer: {prose(found.retime.text)}")
            offer_retiming(source, key="pick_anew")
        if found.chosen is None:
            if not found.retime:
                _nearest(source, limits)
            return
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/recommend: **{escape(get_variant(found.chosen.name).title)}**: "
                f"{escape(found.chosen.reason.text)}"
            )
            model_download(source, found.chosen.name, primary=True)
        for caution in found.cautions:
            if caution == found.retime:
                continue
            st.caption(f":material/warning: {escape(caution.text)}")
