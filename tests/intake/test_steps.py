"""What the parent reads of a checking process: ordinary files only, whatever is in their place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from effq_core.intake import steps
from effq_core.intake.steps import REPORT_FILE, STEPS_FILE, Step, StepState


def _link(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    elsewhere.write_text('{"title": "Secret", "state": "done"}')
    path.symlink_to(elsewhere)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", [os.mkfifo, _link, Path.mkdir])
def test_what_is_no_ordinary_file_is_not_read(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / STEPS_FILE)
    assert steps.read(tmp_path) == ()
    (tmp_path / STEPS_FILE).rename(tmp_path / REPORT_FILE)
    assert steps.read_report(tmp_path) is None


def test_what_is_written_is_read(tmp_path: Path) -> None:
    step = Step("One", StepState.DONE, "fine")
    steps.append(tmp_path, step)
    (tmp_path / REPORT_FILE).write_text('{"a": 1}')
    assert steps.read(tmp_path) == (step,)
    assert steps.read_report(tmp_path) == {"a": 1}
