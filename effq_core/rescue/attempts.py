"""One step of a rescue: an ordinary run, from its start to what it gave."""

import logging
import time
from dataclasses import replace

from effq_core.base.errors import EffqError, InputError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.variants import PTQ
from effq_core.pipeline.control import enter
from effq_core.pipeline.driver import run_foreground
from effq_core.pipeline.progress import OnUpdate
from effq_core.pipeline.watch import watch
from effq_core.rescue.outcome import outcome_of
from effq_core.rescue.remedies import as_it_is, variant_of
from effq_core.rescue.request import Remedy, Rescue
from effq_core.rescue.stopping import Stopping
from effq_core.rescue.story import UNFINISHED, Step, StepState, Story
from effq_core.rescue.wording import step_title
from effq_core.results import Results, load_results
from effq_core.store.database import Database
from effq_core.store.rows import RunRow, Status

log = logging.getLogger("effq.rescue")


class Attempts:
    """Makes the runs of one rescue, one after the other, in this process."""

    def __init__(self, home: Home, database: Database, stop: Stopping) -> None:
        self._home, self._database, self._stop = home, database, stop
        self._first: Results | None = None

    def remember(self, base: Step) -> None:
        """Takes the float32 of int8 as it is for the one others are compared with."""
        self._first = self._results_of(base.run)

    def measured_before(self, rescue: Rescue) -> Step | None:
        """Returns int8 as it is from the run a rescue was asked for, if that tells all it needs."""
        run = self._known(rescue.run)
        if run is None or Experiment.from_dict(run.experiment) != rescue.experiment:
            return None
        results = self._results_of(run.id)
        if results is None or PTQ not in results.variants:
            return None
        experiment = as_it_is(rescue.experiment)
        started = time.time()
        begun = Step(
            remedy=None, state=StepState.RUNNING, experiment=experiment, run=run.id, started=started
        )
        return self._judged(begun, rescue, results)

    def begin(
        self, story: Story, remedy: Remedy | None, experiment: Experiment, estimate: float
    ) -> Step:
        """Makes the run of a step, or finds the stopped one; BusyError if too many runs wait."""
        before = story.about(remedy)
        again = before is not None and before.state in UNFINISHED
        run = None
        # Only the very same experiment continues where it stopped.
        if before is not None and again and before.experiment == experiment:
            run = self._known(before.run)
        name = f"Rescue {story.id[-4:]}: {step_title(remedy, experiment)}"
        return Step(
            remedy=remedy,
            state=StepState.RUNNING,
            experiment=experiment,
            run=run.id if run else enter(self._home, self._database, experiment, name),
            estimate=estimate,
            started=time.time(),
            # Stopping and going on gives no time back.
            seconds=before.seconds if before and again else None,
        )

    def finish(
        self, rescue: Rescue, step: Step, seconds: float | None, on_update: OnUpdate | None
    ) -> Step:
        """Works on the run of a step until it ends, at most ``seconds`` once it has its turn."""
        run, took, waited = self._database.get_run(step.run), 0.0, 0.0
        if run.status is not Status.FINISHED:
            with self._stop.stops(
                run.id,
                seconds,
                lambda: self._is_running(step.run),
                lambda: watch(self._database, step.run).waits_for_quiet,
            ) as worked:
                run = run_foreground(self._home, run.id, on_update)
            took, waited = worked.seconds, worked.waited
        # Where it came to its end, its own times are exact; otherwise they may be an earlier try's.
        if run.status is Status.FINISHED and run.finished and run.started:
            took = run.finished - run.started - waited
        stages = self._database.stages(run.id)
        cached = sum(s.state.is_complete and s.seconds is None for s in stages)
        step = replace(
            step, seconds=(step.seconds or 0.0) + took, stages=len(stages), cached=cached
        )
        if run.status is Status.FINISHED:
            return self._judged(step, rescue, load_results(self._home, run))
        if run.status is not Status.CANCELLED:
            return replace(step, state=StepState.FAILED, why=f"{run.error} {run.hint}".strip())
        if self._stop.timed_out:  # it had its turn: no time is left for another
            return replace(step, state=StepState.FAILED, why="The time limit was reached.")
        return replace(step, state=StepState.CANCELLED, why="It was cancelled.")

    def _judged(self, step: Step, rescue: Rescue, results: Results) -> Step:
        outcome = outcome_of(results, variant_of(step.remedy), self._first)
        if step.remedy is None:
            self._first = results
        met = outcome.meets(rescue.max_drop_points)
        return replace(step, state=StepState.MET if met else StepState.TRIED, outcome=outcome)

    def _is_running(self, run_id: str) -> bool:
        run = self._known(run_id)
        return run is not None and run.status is Status.RUNNING

    def _known(self, run_id: str) -> RunRow | None:
        try:
            return self._database.get_run(run_id) if run_id else None
        except InputError:
            return None  # somebody deleted it meanwhile

    def _results_of(self, run_id: str) -> Results | None:
        run = self._known(run_id)
        try:
            return load_results(self._home, run) if run is not None else None
        except EffqError as error:
            log.info("The results of the run %s cannot be used: %s", run_id, error)
            return None
