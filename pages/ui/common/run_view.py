"""One run, live: where it is, how long it still takes, how training goes, and what went wrong."""

import time

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError, InputError
from effq_core.base.glossary import tip
from effq_core.charts.training import held_out_accuracy, losses
from effq_core.experiment import Experiment
from effq_core.photos.roots import require_allowed
from effq_core.pipeline import control
from effq_core.pipeline.registry import stage_title
from effq_core.pipeline.watch import Watch, watch
from effq_core.results.wording import (
    amount_text,
    run_title,
    state_title,
    status_title,
    waiting_text,
)
from effq_core.store.rows import StageRow, StageState, Status
from effq_core.sweeps.state import is_sweep
from pages.ui.common import session
from pages.ui.common.show import button, chart, escape, guard, problem, toast
from pages.ui.experiment.state import fill
from pages.ui.experiment.sweep import show_sweep_runs

_EVERY = 1.0
BADGES = {
    Status.QUEUED: (":material/hourglass_top:", "gray"),
    Status.RUNNING: (":material/autorenew:", "blue"),
    Status.CANCELLING: (":material/cancel:", "orange"),
    Status.FINISHED: (":material/check_circle:", "green"),
    Status.FAILED: (":material/error:", "red"),
    Status.CANCELLED: (":material/block:", "gray"),
    Status.INTERRUPTED: (":material/power_off:", "orange"),
}
# In order: what is going on, then what failed, is still to come, and is done.
_MARKS = {
    StageState.RUNNING: "▶",
    StageState.FAILED: "✗",
    StageState.CANCELLED: "–",
    StageState.PENDING: "○",
    StageState.DONE: "✓",
    StageState.REUSED: "↺",
}


def badge(status: Status) -> None:
    """Shows a run's status with a symbol, a word and a colour."""
    icon, colour = BADGES[status]
    st.badge(status_title(status), icon=icon, color=colour)  # type: ignore[arg-type]


def show_run(run_id: str, *, as_guest: bool = False) -> None:
    """Shows a run and follows it while it is active; to a guest, only what steers it is offered."""
    active = session.database().get_run(run_id).status.is_active
    # One timer, and only while there is something to follow.
    st.fragment(_follow, run_every=_EVERY if active else None)(run_id, active, as_guest)


@guard()
def _follow(run_id: str, was_active: bool, as_guest: bool) -> None:
    try:
        seen = watch(session.database(), run_id)
    except InputError:
        st.rerun()  # somebody deleted it meanwhile: the page says so, and this timer ends
    if was_active and not seen.run.status.is_active:
        toast(f"The run is {status_title(seen.run.status).lower()}.")
        st.rerun()
    run = seen.run
    with st.container(horizontal=True, vertical_alignment="center", key="run_head"):
        badge(run.status)
        st.markdown(f"**{escape(run_title(run))}**")
    _ended(seen)
    if run.status.is_active:
        _progress(seen)
    if is_sweep(session.home(), run.id):
        show_sweep_runs(run)
    else:
        _curves(seen)
    _stages(seen, folded=as_guest)
    _log(seen)
    _actions(seen, as_guest=as_guest)


def _progress(seen: Watch) -> None:
    run, stages = seen.run, seen.stages
    if not stages:
        waiting = fmt.sentence(seen.waiting_for) or waiting_text(run.status)
        st.progress(0.0, text=f"{escape(waiting)} …")
        return
    parts = [f"{fmt.count(seen.complete)} of {fmt.counted(len(stages), 'stage')}"]
    if seen.cached:
        parts.append(f"{fmt.count(seen.cached)} cached")
    cancelling = run.status is Status.CANCELLING
    parts.append("cancelling …" if cancelling else fmt.left(seen.remaining))
    if seen.elapsed is not None:
        parts.append(f"{fmt.duration(round(seen.elapsed))} so far")
    st.progress(seen.share, text=" · ".join(parts))
    # A fixed height: stages come and go, and what is below must not jump.
    with st.container(height=118, border=False, key="run_now"):
        for stage in seen.running:
            now = (stage_title(stage.name), amount_text(stage), stage.detail, _so_far(stage))
            share = min(1.0, stage.done / stage.total) if stage.total else 0.0
            st.progress(share, text=escape(" · ".join(filter(None, now))))
        if seen.waits_for_quiet:
            _time_now(run.id)
        if not seen.running:
            waiting = seen.waiting_for or "waiting for a worker"
            st.caption(f"{escape(fmt.sentence(waiting))} …")


def _time_now(run_id: str) -> None:
    asked = button(
        "Time now anyway",
        "timer",
        "do_time_now",
        help="Other programs are using the processor. Disturbed timings are repeated, and marked "
        "if they stay disturbed.",
    )
    if asked:
        control.time_now(session.home(), run_id)
        st.rerun(scope="fragment")


def _so_far(stage: StageRow) -> str:
    return fmt.duration(round(time.time() - stage.started)) if stage.started else ""


def _ended(seen: Watch) -> None:
    run = seen.run
    if run.status is Status.FINISHED and run.results is not None:
        took = f" in {fmt.duration(seen.elapsed)}" if seen.elapsed is not None else ""
        cached = f", {fmt.count(seen.cached)} of them cached" if seen.cached else ""
        with st.container(
            border=True, horizontal=True, vertical_alignment="center", key="run_done"
        ):
            st.markdown(f"Finished{took}: {fmt.counted(len(seen.stages), 'stage')}{cached}.")
            if button("See the results", "scatter_plot", "do_results", type="primary"):
                st.switch_page("pages/views/results.py", query_params={"run": run.id})
            if button("Try a photo", "image_search", "do_predict"):
                st.switch_page("pages/views/predictions.py", query_params={"run": run.id})
    elif run.status is Status.FAILED:
        problem(EffqError(run.error or "The run failed.", run.hint))
    elif run.status is Status.INTERRUPTED:
        st.warning(
            "The process that worked on this run ended unexpectedly. Finished stages are kept: "
            "Resume continues after them, and training after its last epoch.",
            icon=":material/power_off:",
        )
    elif run.status is Status.CANCELLED:
        st.info(
            "Cancelled. Finished stages are kept: Resume continues after them.",
            icon=":material/block:",
        )


def _curves(seen: Watch) -> None:
    if not seen.curves:
        return
    qat = seen.run.experiment.get("qat")
    epochs = int(qat.get("epochs", 1)) if isinstance(qat, dict) else 1
    left, right = st.columns(2)
    chart(losses(seen.curves, epochs=epochs), key="run_losses", place=left)
    accuracy = held_out_accuracy(seen.curves, epochs=epochs)
    if accuracy is not None:
        chart(accuracy, key="run_accuracy", place=right)


def _stages(seen: Watch, *, folded: bool) -> None:
    if not seen.stages:
        return
    title = f"All {fmt.counted(len(seen.stages), 'stage')}"
    stages = sorted(seen.stages, key=lambda stage: list(_MARKS).index(stage.state))
    open_now = not folded and (seen.run.status.is_active or seen.run.status is Status.FAILED)
    with st.expander(title, expanded=open_now, key="run_stages"):
        st.dataframe(
            {
                "State": [f"{_MARKS[stage.state]} {state_title(stage.state)}" for stage in stages],
                "Stage": [stage_title(stage.name) for stage in stages],
                "Took": [
                    _so_far(stage)
                    if stage.state is StageState.RUNNING
                    else fmt.duration(stage.seconds)
                    for stage in stages
                ],
            },
            hide_index=True,
            height=320,
            column_config={
                "State": st.column_config.TextColumn(width="small", help=tip("stage")),
                "Took": st.column_config.TextColumn(width="small"),
            },
            key="run_stage_table",
            alt="Stages of the run with their state and duration",
        )


def _log(seen: Watch) -> None:
    if not seen.lines:
        return
    trouble = sum(line.is_trouble for line in seen.lines)
    title = "Log" + (f" · {fmt.counted(trouble, 'warning')}" if trouble else "")
    with st.expander(title, key="run_log"), st.container(height=220, border=False, autoscroll=True):
        for line in seen.lines:
            mark = ":orange[:material/warning:] " if line.is_trouble else ""
            where = f"{escape(stage_title(line.stage))}: " if line.stage else ""
            st.markdown(f"`{fmt.clock(line.time)}` {mark}{where}{escape(line.text)}")


def _actions(seen: Watch, *, as_guest: bool) -> None:
    run = seen.run
    with st.container(horizontal=True, key="run_actions"):
        if run.status.is_active:
            cancel = button(
                "Cancel",
                "stop_circle",
                "do_cancel",
                disabled=run.status is Status.CANCELLING,
                help="Stops within five seconds. Finished stages are kept.",
            )
            if cancel:
                control.request_cancel(session.home(), run.id)
                toast("Cancelling: it stops within five seconds.", icon=":material/stop_circle:")
                st.rerun()
        elif run.status is not Status.FINISHED:
            again = button(
                "Retry" if run.status is Status.FAILED else "Resume",
                "restart_alt",
                "do_resume",
                type="primary",
                help="Continues where it stopped. " + tip("stage"),
            )
            if again:
                # Who visits a page may not go on with a folder it would not offer.
                require_allowed(str(run.experiment["dataset"]), session.home())
                control.resume(session.home(), run.id)
                st.rerun()
        if as_guest:
            return
        if button("Change and run again", "edit", "do_change"):
            fill(Experiment.from_dict(run.experiment))
            _leave()
        if button("New experiment", "add", "do_new"):
            _leave()


def _leave() -> None:
    st.query_params.pop("run", None)
    st.rerun()  # this part of the page runs alone: the form is not part of it
