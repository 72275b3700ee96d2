"""The kinds of jobs: each registers the function that works on one in its own process."""

from collections.abc import Callable

from effq_core.base.errors import InputError
from effq_core.base.settings import Home

CANCELLED = 130  # exit code of a process whose job was cancelled; 0 is success, 1 failure

Work = Callable[..., int]  # given the store, the job's id and options; returns the exit code

_WORK: dict[str, Work] = {}


def register(kind: str, work: Work) -> None:
    """Registers what works on jobs of a kind."""
    if kind in _WORK:
        raise ValueError(f"The kind of job {kind!r} is registered already.")
    _WORK[kind] = work


def known() -> tuple[str, ...]:
    """Returns the kinds that are registered."""
    return tuple(sorted(_WORK))


def work(kind: str, home: Home, job_id: str, *options: str) -> int:
    """Works on a job in this process until it ends; returns the exit code."""
    if kind not in _WORK:
        raise InputError(f"There is no kind of job {kind!r}.", f"There are {', '.join(known())}.")
    return _WORK[kind](home, job_id, *options)
