"""A worker that is renewed while a task comes: the task waits for the new one."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from distributed import Client, Scheduler, Worker

from effq_core.pipeline.engine_server import _until_idle


class Nanny:
    """Renews nothing: a task comes in between, and then it gives up."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.taken: bool | None = None

    async def restart(self, reason: str) -> str:
        async with Client(self._scheduler.address, asynchronous=True) as client:
            task = client.submit(len, "late", pure=False)
            await asyncio.wait([asyncio.ensure_future(task._result())], timeout=1)
            self.taken = task.done()
        return "timed out"


def test_a_task_that_comes_while_the_worker_is_renewed_is_not_given_to_the_old_one() -> None:
    async def renewed() -> bool | None:
        quiet = {"dashboard": False, "dashboard_address": ":0"}
        async with (
            Scheduler(protocol="inproc", **quiet) as scheduler,
            Worker(scheduler.address, nthreads=1, **quiet),
        ):
            nanny = Nanny(scheduler)
            idle = _until_idle(scheduler, nanny, asyncio.Event(), 20, 0.2)  # type: ignore[arg-type]
            ended = asyncio.create_task(idle)
            await asyncio.sleep(0)  # it has begun: what is done from now on is worth a renewal
            async with Client(scheduler.address, asynchronous=True) as client:
                assert await client.submit(len, "early") == 5
            await ended
            return nanny.taken

    # In a thread: a browser that an earlier test has started keeps a loop in this one.
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(asyncio.run, renewed()).result() is False
