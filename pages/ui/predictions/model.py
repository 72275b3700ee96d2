"""The loaded variants, shared by all visitors, and a visitor's own answers."""

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from effq_core.base.errors import BusyError, DatasetError
from effq_core.jobs.limits import ANSWERING
from effq_core.predict.agreement import Answered
from effq_core.predict.variant_answers import Predictor, Predictors
from effq_core.results import Results
from pages.ui.predictions.inputs import Given

THREADS = 1  # with two, five variants need 80 MB more and are no faster together
_ANSWERS = "_predictions_answers"
_BAR_FROM = 4  # photos from which on the wait is worth a progress bar

Outcome = Answered | DatasetError | BusyError


@st.cache_resource(show_spinner=False, max_entries=1)
def _predictors() -> Predictors:
    return Predictors()


def warm(results: Results) -> None:
    """Loads a run's variants while nobody waits for them, unless others need the room."""
    with suppress(BusyError), _predictors().borrow(_identity(results), results, threads=THREADS):
        pass


def outcomes(results: Results, given: Sequence[Given]) -> dict[str, Outcome]:
    """Answers photos, by id, for this visitor alone; or says that the server is busy."""
    identity = _identity(results)
    model, known = st.session_state.get(_ANSWERS, (None, {}))
    if model != identity:
        known = {}
    wanted = [each for each in given if each.id not in known]
    busy: BusyError | None = None
    if wanted:
        try:
            with (
                ANSWERING.enter(len(wanted)),
                _predictors().borrow(identity, results, threads=THREADS) as loaded,
            ):
                _answer(loaded, wanted, known)
        except BusyError as error:
            busy = error
    answered = {each.id: known[each.id] for each in given if each.id in known}
    st.session_state[_ANSWERS] = (identity, answered)  # what was removed is forgotten
    if busy is None:
        return answered
    return {each.id: answered.get(each.id, busy) for each in given}


def _answer(loaded: Predictor, wanted: Sequence[Given], known: dict[str, Outcome]) -> None:
    bar = st.progress(0.0, "Answering …") if len(wanted) >= _BAR_FROM else None
    for number, each in enumerate(wanted):
        known[each.id] = _outcome(loaded, each)
        if bar is not None:
            bar.progress((number + 1) / len(wanted), f"Answering {number + 1} of {len(wanted)}")
    if bar is not None:
        bar.empty()


def _outcome(loaded: Predictor, given: Given) -> Outcome:
    try:
        photo = given.read(loaded.image_input)
    except DatasetError as error:
        return error
    return Answered(photo=photo, answers=loaded.answer(photo.pixels))


def _identity(results: Results) -> tuple[object, ...]:
    """What the answers follow from: files, labels and what they take of a photo."""
    files = (results.variants[name].file.sha256 for name in results.with_files)
    return (*results.labels(), *files, results.image_input)
