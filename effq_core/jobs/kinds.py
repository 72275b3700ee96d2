"""The kinds of jobs: each registers the function that works on one in its own process."""

from __future__ import annotations

from collections.abc import Callable

from effq_core.base.errors import InputError
from effq_core.base.settings import Home

CANCELLED = 130
"""Exit code of a process whose job was cancelled; 0 is success, 1 failure."""

Work = Callable[..., int]
"""Works on a job: given the store, the job's id and options, returns the exit code."""

_WORK: dict[str, Work] = {}


def works_on(kind: str) -> Callable[[Work], Work]:
    """Registers the decorated function for a kind of job.

    Args:
        kind: Its name, such as ``run``.

    Returns:
        The decorator.

    Raises:
        ValueError: If another function has it.
    """

    def register(work: Work) -> Work:
        if _WORK.setdefault(kind, work) is not work:
            raise ValueError(f"The kind of job {kind!r} is registered already.")
        return work

    return register


def known() -> tuple[str, ...]:
    """Returns the kinds that are registered."""
    return tuple(sorted(_WORK))


def work(kind: str, home: Home, job_id: str, *options: str) -> int:
    """Works on a job in this process until it ends.

    Args:
        kind: Its kind.
        home: The store.
        job_id: Which job.
        *options: What its kind takes besides.

    Returns:
        The exit code.

    Raises:
        InputError: If there is no such kind, or no such job.
        EffqError: If it cannot be worked on.
    """
    if kind not in _WORK:
        raise InputError(f"There is no kind of job {kind!r}.", f"There are {', '.join(known())}.")
    return _WORK[kind](home, job_id, *options)
