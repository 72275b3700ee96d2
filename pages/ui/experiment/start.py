"""What the chosen experiment would take, and the button that runs it."""

import json
import shutil

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError
from effq_core.base.glossary import tip
from effq_core.experiment import Experiment
from effq_core.models.classes import HeadUse
from effq_core.photos.roots import require_allowed
from effq_core.pipeline import control
from effq_core.pipeline.forecast import Forecast, forecast, recent_stages
from effq_core.store.rows import StageRow
from pages.ui.common import session
from pages.ui.common.show import button, prose, toast
from pages.ui.experiment.state import run_name

_HEADS = {
    HeadUse.WHOLE: "The photos' classes are the model's: scored as they are.",
    HeadUse.SUBSET: "The photos' classes are some of the model's: scored against all of them.",
    HeadUse.UNLABELLED: "No labels: agreement with float32 is measured, accuracy is not.",
}


def show_cost(experiment: Experiment | None, wrong: EffqError | None = None) -> None:
    """Says what the experiment takes or what is wrong, and offers to run it; always in sight."""
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", key="run_bar"):
        ready = False
        if experiment is not None:
            try:
                require_allowed(experiment.dataset, session.home())
                ready = _cost(experiment, estimate(experiment))
            except EffqError as error:
                wrong = error
        if wrong is not None:
            st.markdown(
                f":red[:material/error:] **{prose(wrong.message)}** {prose(wrong.hint)}",
                width="stretch",
            )
        # Not by a callback: it would be given what was drawn last, and a click soon after a value
        # was typed comes before the page was drawn with it.
        asked = button("Run", "play_arrow", "do_run", type="primary", width=150, disabled=not ready)
    if asked and experiment is not None and (run_id := start(experiment, run_name())):
        st.query_params["run"] = run_id
        st.rerun()


def _cost(experiment: Experiment, cost: Forecast) -> bool:
    sizes = cost.sizes
    time = f"**about {fmt.roughly(cost.seconds)}**" if cost.seconds else "**done in a few seconds**"
    parts = [
        time,
        f"{fmt.size(cost.bytes)} of disk" if cost.bytes else "no disk",
        f"{fmt.count(cost.cached)} of {fmt.counted(cost.stages, 'stage')} cached",
    ]
    head = _HEADS.get(cost.head_use, prose(cost.head_note.text))
    if cost.head_note.near_miss:
        head = f":orange[:material/warning:] **{head}**"
    photos = (
        f"Photos: {fmt.count(sizes.calibration)} to calibrate, {fmt.count(sizes.training)} to "
        f"train, {fmt.count(sizes.evaluation)} to measure. {head}"
    )
    if len(experiment.variants) == 1:
        photos = "Only float32 is chosen: there is nothing to compare it with."
    root = session.home().root
    free = shutil.disk_usage(next(each for each in (root, *root.parents) if each.exists())).free
    enough = cost.bytes <= free
    if not enough:
        photos = (
            f":red[:material/error:] The disk has {fmt.size(free)} free: free space in the "
            "Library, or choose fewer photos."
        )
    st.markdown(
        f"{' · '.join(parts)}  \n:small[{photos}]",
        width="stretch",
        help=(
            "Estimated from earlier runs on this machine. "
            if cost.calibrated
            else "Estimated for 2 cores; the first run adjusts the estimate to this machine. "
        )
        + tip("cached"),
    )
    return enough


def estimate(experiment: Experiment) -> Forecast:
    """Returns what a run would take."""
    known = experiment.canonical_json(), session.latest_stamp()
    return _estimate(str(session.home().root), *known)


# A folder of ten thousand photos takes a third of a second to list: not at every click.
@st.cache_data(show_spinner=False, max_entries=64, ttl=30)
def _estimate(store: str, experiment: str, state: str) -> Forecast:
    chosen = Experiment.from_dict(json.loads(experiment))
    return forecast(chosen, session.home(), history())


def history() -> list[StageRow]:
    """Returns the stages of the latest runs."""
    return recent_stages(session.home())


def start(experiment: Experiment, name: str = "") -> str | None:
    """Starts a run in a process of its own; ``None`` where that failed, which is said."""
    try:
        require_allowed(experiment.dataset, session.home())
        active = sum(run.status.is_active for run in session.runs())
        run_id = control.enter(session.home(), session.database(), experiment, name)
        control.start_detached(session.home(), run_id)
    except EffqError as error:
        toast(f"{error.message} {error.hint}", icon=":material/error:")
        return None
    if active:
        toast(f"Queued behind {fmt.counted(active, 'run')}.", icon=":material/hourglass_top:")
    return run_id
