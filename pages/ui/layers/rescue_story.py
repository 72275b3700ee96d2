"""The story of a rescue: what was tried, what it gave, what can be done with it."""

import json

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError
from effq_core.base.glossary import tip
from effq_core.charts.rescue import gains, prices
from effq_core.photos.roots import require_allowed
from effq_core.rescue import control
from effq_core.rescue.document import HEADS, rows, to_json, to_markdown
from effq_core.rescue.story import Story
from effq_core.rescue.wording import limit_text, verdict
from effq_core.store.rows import Status
from pages.ui.common import session
from pages.ui.common.run_view import badge
from pages.ui.common.show import button, chart, download, escape, guard, problem, toast


def show_state(story: Story) -> None:
    """Draws how it stands and what was allowed."""
    with st.container(horizontal=True, vertical_alignment="center", key="rescue_head"):
        badge(story.status)
        met = " · **met**" if story.met else (" · **not met**" if story.finished else "")
        st.markdown(f"{escape(limit_text(story).capitalize())} is allowed{met}")


def tell(story: Story) -> None:
    """Tells a rescue: its verdict, charts, steps, and what can be done with it."""
    if story.status is Status.FAILED:
        problem(EffqError(story.error or "The rescue failed.", story.hint))
    sentences = verdict(story)
    if sentences:
        first, *rest = sentences
        st.markdown(f"**{escape(first)}**")
        for sentence in rest:
            st.markdown(f"- {escape(sentence)}")
    _charts(story)
    _steps(story)
    _actions(story)


def _charts(story: Story) -> None:
    quality, price = gains(story), prices(story)
    if quality is None or price is None:
        return
    left, right = st.columns(2)
    chart(quality, key="rescue_gains", place=left)
    chart(price, key="rescue_prices", place=right)
    busy = any(step.outcome.disturbed for step in story.measured if step.outcome)
    st.caption(
        "Left: difference on the same photos with its 95 % interval. Right: each step's file."
        + (" * timed on a busy machine, so too long." if busy else "")
    )


def _steps(story: Story) -> None:
    if not story.steps:
        return
    made = rows(story)
    known = {run.id for run in session.runs() if run.results is not None}
    links = [
        f"results?run={step.run}" if step.outcome and step.run in known else None
        for step in story.steps
    ]
    columns: dict[str, list[str | None]] = {}
    for number, name in enumerate(HEADS):
        columns[name] = [cells[number] for cells in made]
        if name == "State" and any(links):  # beside it, or nobody finds the way
            columns["Results"] = links
    st.dataframe(
        columns,
        placeholder=fmt.NOTHING,
        hide_index=True,
        column_config={
            "Step": st.column_config.TextColumn(pinned=True),
            "Top-1 (95 %)": st.column_config.TextColumn(help=tip("top1")),
            "Loss against float32 (95 %)": st.column_config.TextColumn(help=tip("paired_interval")),
            "McNemar p": st.column_config.TextColumn(help=tip("mcnemar")),
            "Same answer": st.column_config.TextColumn(help=tip("agreement")),
            "KL, nats": st.column_config.TextColumn(help=tip("kl")),
            "Latency": st.column_config.TextColumn(help=tip("latency")),
            "Took": st.column_config.TextColumn(help=tip("cached")),
            "Results": st.column_config.LinkColumn(display_text="Open"),
        },
        key="rescue_steps",
        alt="Steps of the rescue: what was tried, what it gave, what it cost",
    )


def _actions(story: Story) -> None:
    with st.container(horizontal=True, key="rescue_actions"):
        if story.status.is_active:
            if button("Cancel", "stop_circle", "do_rescue_cancel"):
                control.request_cancel(session.home(), story.id)
                toast("Cancelling: it stops within a few seconds.", icon=":material/stop_circle:")
                st.rerun()
            return
        if story.status is not Status.FINISHED and button(
            "Go on", "restart_alt", "do_rescue_resume", help="What was measured is kept."
        ):
            require_allowed(story.rescue.experiment.dataset, session.home())
            control.resume(session.home(), story.id)
            st.rerun()
        if story.steps:
            name = f"rescue-{story.id}"
            plain = json.dumps(to_json(story), indent=1, ensure_ascii=False)
            download("Report (Markdown)", to_markdown(story), f"{name}.md", key="rescue_markdown")
            download("Story (JSON)", plain, f"{name}.json", key="rescue_json")
        if button(
            "Delete …",
            "delete",
            "do_rescue_delete",
            help="Deletes the report only; the runs stay in the Library.",
        ):
            _ask_delete(story)


@st.dialog("Delete this rescue?", icon=":material/delete:")
def _ask_delete(story: Story) -> None:
    st.markdown("Its report will be deleted; the runs stay in the Library. This cannot be undone.")
    with st.container(horizontal=True):
        if st.button("Delete", type="primary", key="rescue_delete_yes"):
            with guard():
                control.delete(session.home(), story.id)
                toast("The rescue was deleted.")
                st.rerun()
        if st.button("Keep it", key="rescue_delete_no"):
            st.rerun()
