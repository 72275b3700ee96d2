"""What long work tells whoever watches it."""

from __future__ import annotations

from typing import Any

import pytest

from effq_core.base.errors import Cancelled
from effq_core.base.reporting import PreparingReporter, SilentReporter


class _Listener(SilentReporter):
    def __init__(self) -> None:
        self.told: list[Any] = []

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        self.told.append((done, total))

    def event(self, kind: str, **values: Any) -> None:
        self.told.append((kind, values))

    def check_cancelled(self) -> None:
        raise Cancelled("stop")


def test_work_before_the_counted_one_moves_no_bar_but_can_be_cancelled() -> None:
    listener = _Listener()
    before = PreparingReporter(listener)
    before.progress(1, 2)
    before.event("warning", message="m")
    assert listener.told == [("warning", {"message": "m"})]
    with pytest.raises(Cancelled):
        before.check_cancelled()
