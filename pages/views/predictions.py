"""What every variant says about a photo."""

from collections.abc import Mapping, Sequence

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import BusyError, DatasetError
from effq_core.predict.agreement import Answered
from pages.ui.common.choose import choose_run
from pages.ui.common.show import button, empty, escape, page_head, problem
from pages.ui.predictions.answers import CHOSEN, show_answers, show_table
from pages.ui.predictions.inputs import Given, given_photos
from pages.ui.predictions.model import Outcome, outcomes, warm

_SHOWN = "_predictions_shown"
_LISTED = 60  # classes written one after the other; more would be a wall of text


def page() -> None:
    """Draws the page."""
    page_head("Predictions", "Does quantizing change what the model says about a photo?")
    left, right = st.columns([4, 1], vertical_alignment="bottom")
    with left:
        source = choose_run(label="Model run")
    if source is None:
        empty("There is no run yet.", page="experiment", label="Run an experiment")
        return
    labels = source.results.labels()
    with (
        right,
        st.popover(
            f"Knows {fmt.counted(len(labels), 'class', 'classes')}",
            icon=":material/list:",
            type="tertiary",
            help="The model answers with one of these, whatever the photo shows.",
        ),
    ):
        if len(labels) <= _LISTED:
            st.markdown(", ".join(escape(label) for label in labels))
        else:  # a table can be searched
            st.dataframe({"class": labels}, hide_index=True, height=320)
    given = given_photos(labels)
    if not given:
        st.caption(":material/arrow_upward: Add a photo to compare all variants.")
        warm(source.results)  # while the person looks for a photo
        return
    found = outcomes(source.results, given)
    _name_refused(given, found)
    busy = next((each for each in found.values() if isinstance(each, BusyError)), None)
    if busy is not None:
        problem(busy)
        button("Try again", "refresh", "predictions_again")
    answered = {key: each for key, each in found.items() if isinstance(each, Answered)}
    if not answered:
        return
    if len(answered) > 1:
        show_table(answered, source.results)
    chosen = _choose(answered)
    samples = {each.id: each.sample for each in given}
    show_answers(answered[chosen], sample=samples[chosen], classes=len(labels))


def _name_refused(given: Sequence[Given], found: Mapping[str, Outcome]) -> None:
    outcome_of = (found[each.id] for each in given)
    errors = [outcome for outcome in outcome_of if isinstance(outcome, DatasetError)]
    if errors:
        lines = [f"- **{escape(error.message)}** {escape(error.hint)}" for error in errors]
        what = fmt.counted(len(errors), "photo")
        st.warning(
            f"{what} could not be read:\n\n" + "\n".join(lines), icon=":material/broken_image:"
        )


def _choose(answered: Mapping[str, Answered]) -> str:
    """Returns the id of the photo to look at closely: of new ones, one the variants differ on."""
    before = st.session_state.get(_SHOWN, ())
    new = [key for key in answered if key not in before]
    if new or st.session_state.get(CHOSEN) not in answered:
        among = new or list(answered)
        telling = [key for key in among if answered[key].differing]
        st.session_state[CHOSEN] = (telling or among)[0]
    st.session_state[_SHOWN] = tuple(answered)
    if len(answered) == 1:
        return next(iter(answered))
    names = {
        key: f"{number}. {each.photo.name}"
        for number, (key, each) in enumerate(answered.items(), 1)
    }
    return st.selectbox("Look closer at", list(names), format_func=names.__getitem__, key=CHOSEN)


page()
