"""A driver's connection to the engine."""

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any

from distributed import Client, Future, KilledWorker

from effq_core.base.errors import EngineError
from effq_core.base.settings import Home
from effq_core.pipeline import engine
from effq_core.pipeline.stage import StageTask
from effq_core.pipeline.worker import kill_worker, run_stage

_KILL_SECONDS = 1.5
_CLOSE_SECONDS = 0.5
_MESSAGE_SECONDS = 1.0
_RESULT_SECONDS = 3.0


class WorkerLost(Exception):  # noqa: N818 - an outcome the driver handles
    """The worker or the engine ended while it had the task."""


class Session:
    """Submits tasks and collects what comes back in one inbox."""

    def __init__(self, home: Home, topic: str, on_wait: Callable[[], None] | None = None) -> None:
        self._home, self._topic, self._on_wait = home, topic, on_wait
        self.embedded = engine.external_scheduler() is None
        self.inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._futures: dict[str, Future] = {}
        self._client = self._open()

    def _open(self) -> Client:
        client = engine.connect(self._home, fresh=self.embedded, on_wait=self._on_wait)
        client.subscribe_topic(self._topic, lambda event: self.inbox.put(event[1]))
        return client

    def submit(self, task: StageTask, priority: int) -> None:
        """Gives a task to the engine; its end comes to the inbox as ``finished``."""
        future = self._client.submit(run_stage, task, key=task.key, priority=priority, retries=0)
        self._futures[task.key] = future
        ended = {"what": "finished", "stage": task.spec.name, "key": task.key}

        def on_end(ended_future: Future) -> None:
            if ended_future.status == "finished":
                # Its own message with the outcome comes first, unless that was lost.
                timer = threading.Timer(_MESSAGE_SECONDS, self.inbox.put, (ended,))
                timer.daemon = True
                timer.start()
            else:
                self.inbox.put(ended)

        future.add_done_callback(on_end)

    def outcome(self, key: str) -> dict[str, Any]:
        """Returns what the stage's worker returned; WorkerLost or EngineError if it did not."""
        future = self._futures.pop(key)
        if future.status in ("cancelled", "lost", "pending"):
            raise WorkerLost("The engine ended.")
        try:
            outcome: dict[str, Any] = future.result(timeout=_RESULT_SECONDS)
        except KilledWorker as error:
            raise WorkerLost("Its process ended.") from error
        except (TimeoutError, OSError) as error:
            raise WorkerLost(f"The engine does not answer ({error}).") from error
        except Exception as error:
            message = f"A worker could not begin {key} ({type(error).__name__}: {error})."
            hint = "Every worker of an external cluster needs the same version of EffQ installed."
            raise EngineError(message, hint) from error
        return outcome

    def healthy(self) -> bool:
        """Returns whether the connection stands."""
        return bool(self._client.status == "running")

    def reopen(self) -> None:
        """Connects again after the engine was lost; tasks must be submitted again."""
        self._futures.clear()
        self._close_client()
        self._client = self._open()

    def slots(self) -> int:
        """Returns how many tasks the workers there are can do at once; at least 1."""
        found: list[int] = [1]
        _within(lambda: found.append(sum(self._client.nthreads().values())), _RESULT_SECONDS)
        return max(1, found[-1])

    def withdraw(self, key: str) -> None:
        """Takes a task back, or lets go of its result."""
        future = self._futures.pop(key, None)
        if future is not None:
            future.cancel()

    def kill(self, keys: set[str]) -> None:
        """Ends the workers that have these tasks, whose results are not expected any more."""

        def at_once() -> None:
            busy = [
                address
                for address, held in self._client.processing().items()
                if self.embedded or keys.intersection(held)
            ]
            for key in keys:  # first, or Dask gives it to the next worker
                self.withdraw(key)
            if busy:
                self._client.run(kill_worker, workers=busy, nanny=True, on_error="ignore")

        if not _within(at_once, _KILL_SECONDS) and self.embedded:
            engine.stop(self._home, timeout=0.5)

    def renew_worker(self) -> None:
        """Ends whatever a dead driver has left on the embedded engine's worker."""
        self.kill(set())

    def close(self) -> None:
        """Disconnects; the engine goes on for others."""
        for key in list(self._futures):
            self.withdraw(key)
        self._close_client()

    def _close_client(self) -> None:
        client = self._client
        _within(lambda: client.close(timeout=2), _CLOSE_SECONDS)


def _within(action: Callable[[], object], seconds: float) -> bool:
    """Calls something that may never return; says whether it did in time."""
    done = threading.Event()

    def call() -> None:
        # A connection that is already gone is what we wanted.
        with contextlib.suppress(OSError, TimeoutError, RuntimeError, ValueError):
            action()
            done.set()

    threading.Thread(target=call, daemon=True).start()
    return done.wait(seconds)
