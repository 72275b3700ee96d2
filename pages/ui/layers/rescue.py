"""Rescue an int8 file that lost too much: limits, remedies, and the story as it grows."""

import json

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError
from effq_core.base.glossary import tip
from effq_core.experiment import Experiment
from effq_core.photos.roots import require_allowed
from effq_core.pipeline.registry import stage_title
from effq_core.pipeline.watch import watch
from effq_core.rescue import control
from effq_core.rescue.remedies import Offer, offers
from effq_core.rescue.request import DROPS, Remedy, Rescue
from effq_core.rescue.story import Story, load, stories
from effq_core.rescue.wording import limit_text, remedy_title, title_of
from pages.ui.common import session
from pages.ui.common.choose import Source
from pages.ui.common.show import button, escape, guard, problem, toast
from pages.ui.experiment.start import history
from pages.ui.layers.rescue_story import show_state, tell

_EVERY = 1.0
_MINUTES = {0: "No limit", 5: "5 minutes", 15: "15 minutes", 60: "1 hour", 240: "4 hours"}
_CHOSEN = "rescue_id"


def rescue_part(source: Source) -> None:
    """Draws the part for one run: what may be lost and tried, and what came of it."""
    st.subheader("Rescue int8", anchor=False, help=tip("rescue"))
    st.caption(
        "If int8 loses more than you allow, remedies are tried, cheapest first, until one is "
        "enough. Each is measured like any run."
    )
    found = _of(source)
    active = next((story for story in found if story.status.is_active), None)
    if active is None:
        _form(source)
    if not found:
        return
    chosen = active or _choose(found)
    show_state(chosen)
    if chosen.status.is_active:
        # One timer, and only while there is something to follow. What it draws is little: a
        # timer that comes again before all is drawn would never let it be finished.
        st.fragment(_follow, run_every=_EVERY)(chosen.id, _stamp(chosen))
    tell(chosen)


def _of(source: Source) -> list[Story]:
    """Returns the rescues of a run's experiment, or that made the run, newest first."""
    wanted = source.results.experiment
    return [
        story
        for story in stories(session.home())
        if story.rescue.experiment == wanted or source.id in {step.run for step in story.steps}
    ]


def _choose(found: list[Story]) -> Story:
    if len(found) == 1:
        return found[0]
    titles = {
        story.id: f"{fmt.moment(story.created)} · {limit_text(story)}"
        + (" · met" if story.met else "")
        for story in found
    }
    if st.session_state.get(_CHOSEN) not in titles:
        st.session_state.pop(_CHOSEN, None)
    chosen = st.selectbox(
        "Earlier rescues", list(titles), format_func=titles.__getitem__, key=_CHOSEN
    )
    return next(story for story in found if story.id == chosen)


def _form(source: Source) -> None:
    experiment = source.results.experiment
    with st.container(border=True, key="rescue_form"):
        left, right = st.columns(2)
        drop = left.number_input(
            "Largest top-1 loss, points",
            min_value=DROPS[0],
            max_value=DROPS[1],
            value=0.5,
            step=0.1,
            format="%.2f",
            key="rescue_drop",
            help="Percentage points against float32 on the same photos. Without labels: percentage "
            "of photos whose answer differs from float32's.",
        )
        minutes = right.selectbox(
            "Time allowed",
            list(_MINUTES),
            format_func=_MINUTES.__getitem__,
            key="rescue_minutes",
            help="When time runs out, the current remedy stops and no other is tried. Waiting for "
            "other runs does not count.",
        )
        asked_for = experiment.canonical_json(), session.latest_stamp()
        offered = _offers(str(session.home().root), *asked_for)
        estimates = {offer.remedy: offer for offer in offered}
        st.caption("Remedies to try")
        chosen = [remedy for remedy in Remedy if _box(remedy, estimates[remedy])]
        asked = button("Rescue int8", "healing", "do_rescue", type="primary", disabled=not chosen)
    if asked:
        _start(source, drop, tuple(chosen), 60 * minutes or None)


def _box(remedy: Remedy, offer: Offer) -> bool:
    about = f"about {fmt.roughly(offer.seconds)}" if offer.seconds else "cached: a few seconds"
    return st.checkbox(
        f"{remedy_title(remedy)} :small[· {escape(offer.why or about)}]",
        value=not offer.why,
        key=f"rescue_{remedy}",
        help=tip(f"rescue_{remedy}"),
    )


# Listing a large folder takes a moment: not at every click.
@st.cache_data(show_spinner=False, max_entries=32, ttl=60)
def _offers(store: str, experiment: str, state: str) -> list[Offer]:
    chosen = Experiment.from_dict(json.loads(experiment))
    asked = Rescue(experiment=chosen)
    return offers(asked, chosen.calibration, session.home(), history=history())


def _start(source: Source, drop: float, remedies: tuple[Remedy, ...], seconds: int | None) -> None:
    experiment = source.results.experiment
    known = {run.id for run in session.runs()}
    try:
        # Who visits a page may not go on with a folder it would not offer.
        require_allowed(experiment.dataset, session.home())
        asked = Rescue(
            experiment=experiment,
            run=source.id if source.id in known else "",
            max_drop_points=drop,
            remedies=remedies,
            budget_seconds=seconds,
        )
        story = control.enter(session.home(), asked, source.title)
        control.start_detached(session.home(), story.id)
    except EffqError as error:
        problem(error)
        return
    st.rerun()


def _stamp(story: Story) -> str:
    """Tells one state of a story from the next."""
    return "/".join([story.status, *(f"{step.remedy}{step.state}" for step in story.steps)])


@guard()
def _follow(story_id: str, stamp: str) -> None:
    story = load(session.home(), story_id)
    if _stamp(story) != stamp:
        if not story.status.is_active:
            toast("The limit is met." if story.met else "The rescue has ended.")
        st.rerun()
    _progress(story)


def _progress(story: Story) -> None:
    step = story.current
    others = sum(seconds for remedy, seconds in story.ahead if not step or remedy != step.remedy)
    if step is None or not step.run:
        st.progress(0.0, text="Choosing the next remedy …")
        return
    seen = watch(session.database(), step.run)
    parts = [escape(title_of(step)), fmt.left(seen.remaining)]
    if others:
        parts.append(f"at most {fmt.roughly(others)} more for the other remedies")
    st.progress(seen.share, text=" · ".join(parts))
    now = ", ".join(stage_title(stage.name) for stage in seen.running)
    st.caption(escape(now or fmt.sentence(seen.waiting_for or "waiting for a worker")))
