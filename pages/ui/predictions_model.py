"""The loaded variants, shared by all visitors, and a visitor's own answers."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from effq_core.answered import Answered
from effq_core.errors import DatasetError
from effq_core.predict import Predictor
from effq_core.results import Results
from pages.ui.predictions_inputs import Given

THREADS = 1
"""Threads of an invocation: with two, five variants need 80 MB more and are no faster together."""

_ANSWERS = "_predictions_answers"
_BAR_FROM = 4
"""Photos from which on the wait is worth a progress bar."""

Outcome = Answered | DatasetError


# One run's variants take about 160 MB and 0.15 s to load: keeping one run's is enough.
@st.cache_resource(show_spinner=False, max_entries=1)
def _predictor(files: tuple[str, ...], _results: Results) -> Predictor:
    return Predictor(_results, threads=THREADS)


def predictor(results: Results) -> Predictor:
    """Loads a run's variants, or returns them where they are loaded.

    Args:
        results: The run's.

    Raises:
        InputError: If the run has no files.
        StoreError: If a file is gone.
        ModelError: If a file cannot be loaded.
    """
    return _predictor(_identity(results), results)


def outcomes(results: Results, given: Sequence[Given]) -> dict[str, Outcome]:
    """Answers the photos that have no answer yet, and remembers them for this visitor alone.

    Args:
        results: The run's.
        given: The photos.

    Returns:
        What became of each, by its id, in their order.

    Raises:
        InputError: If the run has no files.
        StoreError: If a file of the run is gone.
        ModelError: If a file of the run cannot be loaded.
    """
    identity = _identity(results)
    model, known = st.session_state.get(_ANSWERS, (None, {}))
    if model != identity:
        known = {}
    wanted = [each for each in given if each.id not in known]
    loaded = predictor(results) if wanted else None
    bar = st.progress(0.0, "Answering …") if len(wanted) >= _BAR_FROM else None
    for number, each in enumerate(wanted):
        if loaded is not None:
            known[each.id] = _outcome(loaded, each)
        if bar is not None:
            bar.progress((number + 1) / len(wanted), f"Answering {number + 1} of {len(wanted)}")
    if bar is not None:
        bar.empty()
    found = {each.id: known[each.id] for each in given}
    st.session_state[_ANSWERS] = (identity, found)  # what was removed is forgotten
    return found


def _outcome(loaded: Predictor, given: Given) -> Outcome:
    try:
        photo = given.read(loaded.image_size)
    except DatasetError as error:
        return error
    return Answered(photo=photo, answers=loaded.answer(photo.pixels))


def _identity(results: Results) -> tuple[str, ...]:
    """What the answers follow from: files and labels, whichever run made them."""
    files = (results.variants[name].file.sha256 for name in results.with_files)
    return (*results.labels(), *files)
