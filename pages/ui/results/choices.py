"""Choices several parts of the results page share: thread count, pair of variants."""

from typing import Any

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.experiment.variants import BASELINE, PTQ, get_variant
from effq_core.results import Results

_FIRST = "results_first"
_SECOND = "results_second"
_THREADS = "results_threads"


def choose_threads(results: Results) -> int:
    """Lets the person choose a thread count that was timed, where there are several."""
    counts = list(results.threads)
    if len(counts) == 1:
        return counts[0]
    if st.session_state.get(_THREADS) not in counts:  # left by another run
        st.session_state[_THREADS] = counts[0]
    chosen = st.segmented_control(
        "Threads",
        counts,
        key=_THREADS,
        required=True,
        format_func=lambda count: fmt.counted(count, "thread"),
        help=tip("threads"),
        persist_state="page",
    )
    return int(chosen or counts[0])


def choose_pair(results: Results) -> tuple[str, str] | None:
    """Lets the person choose two variants: the one compared with, and the one compared."""
    names = list(results.variants)
    if len(names) < 2:
        st.info(
            "This run has float32 only: there is nothing to compare it with. Run the experiment "
            "with more variants.",
            icon=":material/info:",
        )
        return None
    _prepare(names)
    left, right = st.columns(2)
    titles = {name: variant.title for name, variant in results.variants.items()}
    shown: dict[str, Any] = {"format_func": titles.__getitem__, "persist_state": "page"}
    second = left.selectbox("Variant", names, key=_SECOND, help=tip("variant"), **shown)
    first = right.selectbox("Compared with", names, key=_FIRST, **shown)
    if first == second:
        st.info("Choose two different variants.", icon=":material/info:")
        return None
    return first, second


def _prepare(names: list[str]) -> None:
    """Chooses int8 against float32 at first, or what comes nearest."""
    if st.session_state.get(_FIRST) not in names:
        st.session_state[_FIRST] = BASELINE
    if st.session_state.get(_SECOND) not in names:
        others = [name for name in names if name != BASELINE]
        shipped = [name for name in others if not get_variant(name).is_control]
        wanted = [name for name in shipped if name == PTQ] or shipped or others
        st.session_state[_SECOND] = wanted[0]
