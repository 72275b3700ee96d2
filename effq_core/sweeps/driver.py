"""The driver of a sweep: a run's driver, with the stages of many runs."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from effq_core.base.errors import EffqError, InputError, StageError
from effq_core.base.run_ids import new_run_id
from effq_core.jobs import kinds
from effq_core.pipeline.driver import Driver, load_plan, run_foreground
from effq_core.pipeline.stage import LAST, Plan, fingerprints
from effq_core.store.rows import RunRow, StageRow, StageState, Status
from effq_core.sweeps.state import KIND, SweepState, read_sweep, save
from effq_core.sweeps.union import Union, union

if TYPE_CHECKING:
    from effq_core.pipeline.executor import Executor


class SweepDriver(Driver):
    """Takes a sweep from queued to its end, and adds each of its runs as it is finished."""

    kind = KIND

    def _work(self, builder: str) -> None:
        home, run = self._home, self._progress.run
        self._state: SweepState = read_sweep(home, run.id)
        self._members = self._state.sweep.members()
        make = load_plan(builder)
        self._plans = []
        for member in self._members:
            self._check()  # a large folder takes a moment to list, for each of them
            self._plans.append(make(member.experiment, home))
        if any(LAST not in plan for plan in self._plans):
            raise StageError(f"A plan of {builder} has no stage {LAST!r}.")
        self._union: Union = union(self._plans)
        self._state.failed = {}
        self._state.evaluations = self._union.evaluations()
        self._forget_deleted()
        save(home, self._state)
        self._add_finished(self._carry_out(self._union.plan, self._union.fingerprints))
        self._conclude()

    def _forget_deleted(self) -> None:
        named = self._union.fingerprints
        for place, run_id in list(self._state.runs.items()):
            # Other library versions make other artifacts: the old run keeps the old ones.
            if self._results(run_id) != named[self._union.reports()[place]]:
                del self._state.runs[place]

    def _results(self, run_id: str) -> str | None:
        try:
            return self._database.get_run(run_id).results
        except InputError:
            return None  # it was deleted

    def _executor(self, plan: Plan, named: dict[str, str], finished: set[str]) -> Executor:
        from effq_core.sweeps.executor import SweepExecutor  # Dask: not needed by other jobs

        self._add_finished(finished)
        return SweepExecutor(
            *(self._home, plan, named, finished, self._progress, self._check, self._stop),
            union=self._union,
            on_finished=self._add,
            on_failed=self._note_failure,
        )

    def _add_finished(self, finished: set[str]) -> None:
        for place, report in enumerate(self._union.reports()):
            if report in finished:
                self._add(place)

    def _add(self, place: int) -> None:
        if place in self._state.runs:
            return
        member, plan = self._members[place], self._plans[place]
        named = fingerprints(plan)
        run = self._progress.run
        name = f"{run.name} · {member.label}" if member.label else run.name
        rows = [self._row(place, spec.name, named, number) for number, spec in enumerate(plan)]
        run_id = self._added_before(name, named[LAST])
        if run_id is None:
            times = [row.started for row in rows if row.started]
            run_id = self._insert(
                RunRow(
                    id="",
                    name=name,
                    experiment=member.experiment.to_dict(),
                    fingerprint=member.experiment.fingerprint(),
                    status=Status.FINISHED,
                    created=time.time(),
                    started=min(times, default=run.started),
                    finished=time.time(),
                    results=named[LAST],
                )
            )
        self._database.plan_stages(run_id, [replace(row, run_id=run_id) for row in rows])
        self._state.runs[place] = run_id
        save(self._home, self._state)
        self._progress.event("sweep_run", label=member.label, run=run_id)

    def _added_before(self, name: str, results: str) -> str | None:
        """Returns the run that a driver added which was killed before it could note it."""
        noted, begun = set(self._state.runs.values()), self._progress.run.created
        return next(
            (
                run.id
                for run in self._database.list_runs()
                if (run.name, run.results) == (name, results)
                and run.created >= begun
                and run.id not in noted
            ),
            None,
        )

    def _insert(self, run: RunRow) -> str:
        """Adds a run at one stroke: a queued one without a driver would take a place for ever."""
        while True:
            row = replace(run, id=new_run_id(run.created))
            if self._database.insert_run(row):
                self._database.write_run_file(row)
                return row.id

    def _row(self, place: int, own: str, named: dict[str, str], position: int) -> StageRow:
        row = self._progress[self._union.members[place][own]]
        # Made once, and so told once: by the first run that has it.
        first = next(n for n, m in enumerate(self._union.members) if row.name in m.values())
        row = replace(row, name=own, position=position, fingerprint=named[own])
        if first == place and row.state is not StageState.REUSED:
            return row
        return replace(row, state=StageState.REUSED, started=None, finished=None)

    def _note_failure(self, place: int, error: EffqError) -> None:
        self._state.failed[place] = (error.message, error.hint)
        save(self._home, self._state)
        label = self._members[place].label
        self._progress.event("warning", message=f"The run {label} failed: {error.message}")

    def _conclude(self) -> None:
        failed, now = self._state.failed, time.time()
        if not failed:
            self._progress.status(Status.FINISHED, finished=now)
            return
        message, hint = failed[min(failed)]
        self._progress.status(
            Status.FAILED,
            finished=now,
            error=f"{len(failed)} of {len(self._members)} runs of the sweep failed. {message}",
            hint=f"{hint} The others are finished, and are kept.".strip(),
        )


sweep_foreground = partial(run_foreground, driver=SweepDriver)  # works until it ends

kinds.register(KIND, SweepDriver.work)
