"""Starting a look into the layers, and following it on this page until it is there."""

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError, InputError
from effq_core.experiment import Experiment
from effq_core.experiment.mixed import Layers
from effq_core.experiment.setting import settings
from effq_core.experiment.variants import PTQ
from effq_core.layers.access import is_about, looking
from effq_core.results import REFERENCE
from effq_core.results.wording import run_subject
from effq_core.store.rows import RunRow, Status
from pages.ui.common import session
from pages.ui.common.ask import ask
from pages.ui.common.choose import PARAMETER, Source
from pages.ui.common.run_view import show_run
from pages.ui.common.show import button, empty, problem, toast
from pages.ui.experiment.start import estimate, start

WATCHED = "look"  # in the address: the run followed here, so that a reload follows it, too
_NAME_LENGTH = 60


def offer_look(source: Source) -> None:
    """Says that nobody has looked into this run's layers yet, and offers to."""
    if source.id == REFERENCE:
        empty(
            "The reference run's layers cannot be analysed here: its photos do not come with EffQ. "
            "Choose another run above, or start one.",
            page="experiment",
            label="Run an experiment",
        )
        return
    with st.container(border=True, key="layers_empty"):
        st.markdown(
            ":material/search: **This run's layers have not been analysed yet.** The analysis runs "
            "the float32 and int8 files side by side on photos. Then it quantizes each block "
            "alone, and keeps each alone in float32. Existing stages are reused."
        )
        if PTQ not in source.results.variants:
            st.markdown(
                "The run has **no int8 file** to analyse. One is made first from the same model "
                "and photos, in a new run."
            )
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            with st.popover("Photos and time", icon=":material/tune:"):
                layers = _numbers(Layers())
            _button(source, layers)


def offer_again(source: Source, asked: Layers | None) -> None:
    """Offers to look once more, at other photos or for longer."""
    if source.id == REFERENCE:
        return
    with st.popover("Analyse again", icon=":material/replay:"):
        st.caption("Use more photos or more time. The results shown here stay until it is done.")
        layers = _numbers(asked or Layers())
        _button(source, layers)


def _numbers(usual: Layers) -> Layers:
    return usual.changed(
        {
            each.name: ask(each, f"layers_{each.key or each.name}", value=each.of(usual))
            for each in settings(Layers)
        }
    )


def _button(source: Source, layers: Layers) -> None:
    asked = looking(source.results.experiment, layers)
    try:
        cost = estimate(asked)
    except EffqError as error:
        problem(error)  # such as: the photos are not here any more
        return
    # Not by a callback, which would be given the numbers that were drawn last.
    wanted = button("Analyse the layers", "search", "layers_look", type="primary")
    st.caption(
        f"about {fmt.roughly(cost.seconds)} · {fmt.count(cost.cached)} of "
        f"{fmt.counted(cost.stages, 'stage')} cached"
    )
    if wanted:
        begin(source, asked, "Layers of")


def begin(source: Source, experiment: Experiment, what: str) -> None:
    """Starts a run about the layers of another one, and follows it on this page."""
    rows = {run.id: run for run in session.runs()}
    subject = run_subject(rows[source.id]) if source.id in rows else source.title
    run_id = start(experiment, f"{what} {subject}"[:_NAME_LENGTH])
    if run_id is not None:
        st.query_params[WATCHED] = run_id
        st.rerun()


def follow(source: Source) -> bool:
    """Shows the run about this run's layers, if there is one under way, and returns whether."""
    run = _watched(source)
    if run is None:
        return False
    if run.status is Status.FINISHED:
        has_int8 = PTQ in source.results.variants
        st.query_params.pop(WATCHED, None)
        if run.results is not None and run.id != source.id and not has_int8:
            st.query_params[PARAMETER] = run.id  # it has an int8 file, this one does not
        toast("The layers have been analysed.")
        st.rerun()
    with st.container(border=True, key="layers_run"):
        show_run(run.id, as_guest=True)
        if not run.status.is_active and button("Close", "close", "layers_dismiss"):
            st.query_params.pop(WATCHED, None)
            st.rerun()
    return True


def _watched(source: Source) -> RunRow | None:
    """Returns the run of the address, or one that somebody else has started for the same."""
    experiment = source.results.experiment
    asked = st.query_params.get(WATCHED)
    if asked:
        try:
            run = session.database().get_run(asked)
        except InputError:
            st.query_params.pop(WATCHED, None)  # deleted, or anybody's text
        else:
            if is_about(Experiment.from_dict(run.experiment), experiment):
                return run
    if source.id == REFERENCE:
        return None
    active = (run for run in session.runs() if run.status.is_active)
    return next(
        (run for run in active if is_about(Experiment.from_dict(run.experiment), experiment)), None
    )
