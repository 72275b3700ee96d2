"""Latencies can be taken anew without touching those that were taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.experiment import next_sitting
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import fingerprints

PLAIN = Experiment(variants=("int8",))


def test_every_sitting_is_a_new_one() -> None:
    first = next_sitting(PLAIN, [PLAIN.to_dict()])
    assert first == replace(PLAIN, sitting=1)
    # Asked of the first run once more, or of the new one: both come after it.
    assert next_sitting(PLAIN, [PLAIN.to_dict(), first.to_dict()]).sitting == 2
    assert next_sitting(first, [PLAIN.to_dict()]).sitting == 2


def test_another_experiments_sittings_do_not_count() -> None:
    other = replace(PLAIN, seed=7, sitting=5)
    assert next_sitting(PLAIN, [other.to_dict()]).sitting == 1


def test_only_timings_and_the_report_are_made_anew(tmp_path: Path) -> None:
    home = Home(tmp_path)
    before, after = (
        fingerprints(build_plan(each, home)) for each in (PLAIN, next_sitting(PLAIN, []))
    )
    anew = {name for name in before if before[name] != after[name]}
    assert anew == {"benchmark", "report"}


def test_a_first_sitting_leaves_no_trace() -> None:
    assert "sitting" not in PLAIN.to_dict()
    assert Experiment.from_dict(replace(PLAIN, sitting=3).to_dict()).sitting == 3
