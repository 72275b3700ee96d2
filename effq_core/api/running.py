"""Running an experiment."""

from effq_core.api.progress import OnProgress, of_run, shown
from effq_core.api.runs import Run
from effq_core.base.errors import Cancelled, StageError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.experiment import next_sitting
from effq_core.pipeline import control
from effq_core.pipeline.driver import run_foreground
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.presets import demo
from effq_core.pipeline.progress import Update
from effq_core.results import load_results
from effq_core.store.database import Database
from effq_core.store.rows import Status


def run(
    experiment: Experiment | None = None,
    *,
    name: str = "",
    progress: bool | OnProgress = True,
    remeasure: bool = False,
    time_now: bool = False,
) -> Run:
    """Quantizes a model and measures every variant. What an earlier run has made is reused.

    Interrupting it (Ctrl-C, or Jupyter's stop button) cancels the run; what is finished is kept.

    Args:
        experiment: What to run; the demo, where not given: bundled model, built-in photos.
        name: What to call the run.
        progress: Whether to show a bar; or a function, called with each
            :class:`~effq_core.api.progress.Progress`. An error it raises cancels the run.
        remeasure: Time all files again; earlier runs keep their timings.
        time_now: Do not wait for a quiet CPU before files are timed.

    Raises:
        InputError: If the experiment cannot be run.
        StageError: If the run failed; the message says why.
        Cancelled: If it was interrupted or cancelled.
        EffqError: If the store or the engine cannot be used.
    """
    home = Home.from_environment()
    run_id = begin(home, experiment or demo(), name, remeasure=remeasure, time_now=time_now)
    raised: list[BaseException] = []
    with shown(progress) as tell:

        def on_update(update: Update) -> None:
            try:
                if not raised:
                    tell(of_run(update))
            except BaseException as error:  # noqa: BLE001 - raised again when the run has ended
                raised.append(error)
                control.request_cancel(home, run_id)

        row = run_foreground(home, run_id, on_update)
    if raised:
        raise raised[0]
    if row.status is Status.CANCELLED:
        raise Cancelled(
            f"The run {run_id} was cancelled.", "Run the experiment again: it continues from there."
        )
    if row.status is not Status.FINISHED:
        raise StageError(row.error, row.hint)
    return Run(row.id, load_results(home, row))


def begin(
    home: Home,
    experiment: Experiment,
    name: str = "",
    *,
    remeasure: bool = False,
    time_now: bool = False,
) -> str:
    """Makes a run of an experiment, queued; somebody has to drive it. Returns its id.

    Raises ``EffqError`` if the experiment cannot be run at all; then no run is made.
    """
    build_plan(experiment, home)  # what cannot be planned leaves no run behind
    with Database(home.database) as database:
        if remeasure:
            experiment = next_sitting(experiment, (run.experiment for run in database.list_runs()))
        run_id = control.enter(home, database, experiment, name)
    if time_now:
        control.time_now(home, run_id)
    return run_id
