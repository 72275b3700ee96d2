"""Learn, part 5: what int8 loses, and what gives it back."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.learn_recovery import recovery_chart
from effq_core.experiment.variants import get_variant
from effq_core.learn.recovery import Answer, answers, missing, rungs
from effq_core.results import Results
from pages.ui.common.choose import Source
from pages.ui.common.show import chart, empty

_ICONS = {True: ":material/check_circle:", False: ":material/drag_handle:", None: ":material/help:"}
_TERMS = {"int8": "ptq", "int8_qat": "qat", "int8_qat_untrained": "untrained_control"}


@st.cache_data(show_spinner=False, max_entries=24)
def _answers(run: str, _results: Results) -> tuple[Answer, ...]:
    # The results of a run never change.
    return answers(_results)


def recovery_part(source: Source) -> None:
    """Draws the part."""
    st.subheader("What does int8 lose, and what recovers it?", anchor=False)
    found = rungs(source.results)
    if not found:
        empty(
            "This run has no int8 variant. Tick “int8”, “int8 QAT” and the two controls "
            "in a new experiment.",
            page="experiment",
            label="New experiment",
        )
        return
    st.markdown(
        "QAT changes two things at once: the ranges, and the weights. Two **controls** tell them "
        "apart. A hollow marker is a difference consistent with chance."
    )
    n = source.results.baseline.accuracy.n
    chart(recovery_chart(found, n), key="learn_recovery_chart")
    if lacking := missing(source.results):
        titles = ", ".join(f"“{get_variant(name).title}”" for name in lacking)
        empty(
            f"To answer everything below, also tick {titles}; finished stages are reused.",
            page="experiment",
            label="New experiment",
        )
    for answer in _answers(source.id, source.results):
        _show(answer)
    st.caption(
        f"{fmt.counted(n, 'evaluation photo')}, 95 % intervals. Each p is for one question: one "
        "set of four in five shows a p below 0.05 by chance. Other models or photos can answer "
        "otherwise.",
        help=tip("p_value"),
    )


def _show(answer: Answer) -> None:
    question = answer.question
    icon = _ICONS[answer.is_real] if not answer.missing else ":material/block:"
    titles = " → ".join(get_variant(name).title for name in (question.first, question.second))
    st.markdown(
        f"{icon} **{question.text}** {answer.text}  \n:small[{titles}. {question.why}]",
        help=tip(_TERMS.get(question.second, "mcnemar")),
    )
