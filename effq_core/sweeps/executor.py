"""Works through the stages of a sweep: as many at once as there are workers."""

import time
from collections.abc import Callable
from typing import Any

from effq_core.base.errors import Cancelled, DownloadError, EffqError, EngineError, StoreError
from effq_core.pipeline.executor import Executor
from effq_core.pipeline.session import Session
from effq_core.pipeline.stage import Plan, StageSpec
from effq_core.store.rows import StageState
from effq_core.sweeps.union import Union

_COUNT_SECONDS = 2.0
_STOPS_ALL = (Cancelled, StoreError, EngineError, DownloadError)  # others would meet them too


class SweepExecutor(Executor):
    """Runs the stages of several runs; one that fails ends only the runs that need it."""

    def __init__(
        self,
        *arguments: Any,
        union: Union,
        on_finished: Callable[[int], None],
        on_failed: Callable[[int, EffqError], None],
    ) -> None:
        super().__init__(*arguments)
        self._union, self._on_finished, self._on_failed = union, on_finished, on_failed
        self._alive = set(range(len(union.members)))
        self._counted = 0.0

    def _room(self, session: Session) -> int:
        """Leaves no more with the engine than it can do: the order stays ours."""
        if not session.embedded and time.monotonic() - self._counted > _COUNT_SECONDS:
            self._counted = time.monotonic()
            self._slots = session.slots()
        return max(0, self._slots - len(self._active))

    def _end(self, active: Any, outcome: dict[str, Any]) -> None:
        super()._end(active, outcome)
        name = active.task.spec.name
        if name in self._finished:
            for place in sorted(self._alive):
                if self._union.members[place]["report"] == name:
                    self._alive.discard(place)
                    self._on_finished(place)

    def _fail(self, spec: StageSpec, error: EffqError) -> None:
        if isinstance(error, _STOPS_ALL):
            raise error
        for place in sorted(self._alive):
            if spec.name in needed(self._plan, {self._union.members[place]["report"]}):
                self._alive.discard(place)
                self._on_failed(place, error)
        wanted = needed(self._plan, {self._union.members[place]["report"] for place in self._alive})
        active = {each.task.spec.name for each in self._active.values()}
        for stage in self._plan:
            name = stage.name
            if name in wanted or name in self._finished or name in active | self._skipped:
                continue
            self._skipped.add(name)
            if name != spec.name:
                self._progress.end(name, StageState.CANCELLED)


def needed(plan: Plan, names: set[str]) -> set[str]:
    """Returns the stages that others rest on, themselves included."""
    found = set(names)
    for spec in reversed(plan.stages):  # each comes after what it needs
        if spec.name in found:
            found.update(spec.needs)
    return found
