"""Adding a model: say what it is, watch its check, look at its answers, keep it."""

import io

import pandas as pd
import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import ModelError
from effq_core.base.glossary import tip
from effq_core.care.library import remove_item
from effq_core.intake.adding import (
    ENDINGS,
    MAX_UPLOAD_MIB,
    Checked,
    Checking,
    Offer,
    name_of_file,
    start_check,
)
from effq_core.intake.keeping import keep
from effq_core.intake.steps import Step, StepState
from effq_core.models.class_names import KNOWN_SETS, parse_labels
from effq_core.models.own.card import OwnCard, Preprocessing
from effq_core.models.own.ready import ready_files
from effq_core.photos.image_input import Resize
from pages.ui.common import session
from pages.ui.common.show import button, escape, guard, problem, toast
from pages.ui.common.uploaded import free, holds, no_room

_CHECKING = "library_model_checking"
_GENERATION = "library_model_generation"
_EVERY = 0.5
_TYPED, _FILE = "Typed or pasted", "A text file"
_SETS = dict(
    zip(KNOWN_SETS, ("ImageNet's 1,000, in the usual order", "Imagenette's ten"), strict=True)
)
_ICONS = {
    StepState.RUNNING: ":material/pending:",
    StepState.DONE: ":material/check_circle:",
    StepState.WARNING: ":material/info:",
    StepState.FAILED: ":material/cancel:",
}
_WORDS = {
    StepState.RUNNING: "under way",
    StepState.DONE: "passed",
    StepState.WARNING: "note",
    StepState.FAILED: "failed",
}


def show_add_model() -> None:
    """Draws the form, the check under way, or its outcome."""
    checking = st.session_state.get(_CHECKING)
    if isinstance(checking, Checking):
        # One timer, and only while there is something to watch.
        st.fragment(_watch, run_every=None if checking.ended else _EVERY)(checking, checking.ended)
        return
    st.markdown(
        "A model file can contain code. It is inspected as data, then opened in a separate process "
        "with limited time and memory. On Linux, that process cannot reach your files or network. "
        "Only layers and weights are kept; a ready .tflite file is kept as it is."
    )
    _form()


def show_ready_files() -> None:
    """Draws a line for each added ``.tflite`` file, if there is one."""
    files = ready_files(session.home())
    if not files:
        return
    st.markdown("**Your .tflite files**, to be measured beside a run's variants")
    for file in files:
        facts = (
            f"{fmt.size(file.size_bytes)} · {file.image_input.short}, {file.input_type} · "
            f"{fmt.counted(len(file.labels), 'class', 'classes')} · {file.preprocessing.label}"
        )
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f"**{escape(file.title)}**  \n{escape(facts)}")
            if button(
                "Remove",
                "delete",
                f"library_remove_{file.variant}",
                help="Results of runs that used it stay.",
            ):
                with guard():
                    remove_item(session.home(), session.database(), file.variant)
                    toast(f"{file.title} was removed.")
                    st.rerun()


def own_facts(card: OwnCard) -> None:
    """Draws what a card says of an added model beyond the usual."""
    if card.qat_problems:
        more = len(card.qat_problems) - 3
        named = ", ".join(card.qat_problems[:3]) + (f" and {fmt.count(more)} more" * (more > 0))
        st.caption(f"No QAT: {escape(named)}.")
    if card.int8_problem:
        st.caption(f"No int8: {escape(card.int8_problem)}.")
    if card.few_bits_problem:
        st.caption(f"Nothing below 8 bits: {escape(card.few_bits_problem)}.")
    for note in card.notes:
        st.caption(escape(note))


def _form() -> None:
    # A new key empties the uploader once its file has been checked.
    generation = st.session_state.setdefault(_GENERATION, 0)
    key = f"library_model_file_{generation}"
    holding = bool(st.session_state.get(key))
    file = st.file_uploader(
        f"Model file, at most {MAX_UPLOAD_MIB} MiB: .keras, .h5, a zipped SavedModel, or a "
        "ready .tflite to measure beside EffQ's",
        type=list(ENDINGS),
        max_upload_size=MAX_UPLOAD_MIB,
        key=key,
        disabled=no_room(MAX_UPLOAD_MIB, holding=holding),
    )
    holds("model", key, [file.file_id] if file is not None else [])
    left, right = st.columns(2)
    way = left.selectbox(
        "Preprocessing it was trained with",
        [each.value for each in Preprocessing],
        index=None,
        format_func=lambda each: Preprocessing(each).label,
        placeholder="Choose: wrong preprocessing spoils every answer",
        key="library_model_preprocessing",
        help=tip("own_preprocessing"),
    )
    size = right.number_input(
        "Input size, pixels",
        16,
        1024,
        value=None,
        placeholder="the file's own",
        key="library_model_size",
        help="Only for a file that leaves its input size open.",
    )
    resize = st.radio(
        "How photos became squares in training",
        [each.value for each in Resize],
        format_func=lambda each: Resize(each).label,
        horizontal=True,
        key="library_model_resize",
        help=tip("own_resize"),
    )
    labels = _labels(generation)
    if button(
        "Check this model",
        "fact_check",
        "library_model_check",
        type="primary",
        disabled=file is None or way is None,
    ):
        with guard():
            if file is None or way is None:
                raise ModelError("A file and its preprocessing are needed.", "Choose both.")
            given = parse_labels(labels)
            side = int(size) if size else None
            offer = Offer(file.name, given, Preprocessing(way), side, Resize(resize or Resize.CROP))
            content = io.BytesIO(file.getvalue())
            st.session_state[_CHECKING] = start_check(session.home(), content, offer)
            free([file.file_id])  # the check has it
            st.rerun()


def _labels(generation: int) -> str | bytes:
    way = st.radio(
        "Labels, in the order of its outputs",
        [_TYPED, _FILE, *_SETS],
        format_func=lambda each: _SETS.get(each, each),
        horizontal=True,
        key="library_model_labels_way",
        help="For one sigmoid output give two labels: first the one for 0, then the one for 1.",
    )
    if way == _TYPED:
        return str(
            st.text_area(
                "One label a line",
                placeholder="cat\ndog\n…",
                key="library_model_labels",
                height=110,
            )
        )
    if way == _FILE:
        file = st.file_uploader(
            "Text file, one label a line",
            type=["txt", "csv"],
            max_upload_size=4,
            key=f"library_model_labels_file_{generation}",
        )
        return file.getvalue() if file is not None else b""
    return str(way)


def _watch(checking: Checking, had_ended: bool) -> None:
    if checking.ended and not had_ended:
        st.rerun()  # the whole page: the timer is no longer needed
    if not checking.steps and not checking.ended:
        st.caption("Waiting for another check or a timing run to finish.")
    with st.container(gap="xsmall"):
        for step in checking.steps:
            _step(step)
    if not checking.ended:
        _leave_button("Stop", ":material/stop_circle:", "library_model_stop")
    elif checking.checked is not None:
        _offer_to_keep(checking.checked)
    else:
        if checking.error is not None:
            problem(checking.error)
        _leave_button("Try another file", ":material/refresh:", "library_model_again")


def _step(step: Step) -> None:
    detail = f": {escape(step.detail)}" if step.detail else ""
    hint = f" *{escape(step.hint)}*" if step.hint and step.state is StepState.WARNING else ""
    title = f"{_ICONS[step.state]} **{escape(step.title)}** ({_WORDS[step.state]})"
    st.markdown(f"{title}{detail}{hint}")


def _offer_to_keep(checked: Checked) -> None:
    if "files" not in checked.report["enforced"]:
        st.caption(
            "This system cannot restrict a process's access to files (Linux 5.13 can). The check "
            "relied on inspecting the file as data."
        )
    st.markdown("**Predictions for sample photos.** Are they right?")
    score = "Probability" if checked.report["probabilities"] else "Score"
    table = pd.DataFrame(
        {
            "Photo": [row["photo"] for row in checked.answers],
            "Best answer": [row["top"][0][0] for row in checked.answers],
            score: [checked.shown(row["top"][0][1]) for row in checked.answers],
            "Next": [
                ", ".join(f"{name} {checked.shown(share)}" for name, share in row["top"][1:])
                for row in checked.answers
            ],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        key="library_model_answers",
        alt="The model's answers to sample photos",
    )
    name = st.text_input(
        "What to call it",
        value=name_of_file(checked.offer.name),
        max_chars=60,
        key="library_model_name",
    )
    with st.container(horizontal=True):
        if button("Keep the model", "library_add", "library_model_keep", type="primary"):
            with guard():
                card = keep(session.home(), checked, name)
                st.session_state.pop(_CHECKING)
                st.session_state[_GENERATION] += 1
                toast(f"{card.title} is in the Library.")
                st.rerun()
        _leave_button("Discard", ":material/delete:", "library_model_drop")


def _leave_button(label: str, icon: str, key: str) -> None:
    if st.button(label, icon=icon, key=key):
        checking = st.session_state.pop(_CHECKING, None)
        if isinstance(checking, Checking):
            checking.cancel()
        st.rerun()  # the whole page: a fragment alone would draw the check again
