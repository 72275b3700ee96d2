"""Whole rescues: real runs on a model whose int8 is spoilt, real processes, real kills."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from typer.testing import CliRunner

from effq_core.base.errors import InputError
from effq_core.base.locks import FileLock
from effq_core.base.settings import Home
from effq_core.cli.app import app
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import fingerprints
from effq_core.rescue import control
from effq_core.rescue.driver import work
from effq_core.rescue.outcome import outcome_of
from effq_core.rescue.request import Remedy, Rescue
from effq_core.rescue.story import STORY_FILE, StepState, Story, files_of, load, save, stories
from effq_core.results import load_results
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.rows import Status
from tests.rescue.conftest import Spoilt


def asked(spoilt: Spoilt, *remedies: Remedy, **values: Any) -> Rescue:
    return Rescue(
        experiment=spoilt.experiment,
        run=spoilt.run.id,
        **{"max_drop_points": 5.0, "remedies": remedies, **values},
    )


def until(home: Home, story_id: str, true: Callable[[Story], bool], seconds: float = 90) -> Story:
    deadline = time.monotonic() + seconds
    while True:
        story = load(home, story_id)
        if true(story):
            return story
        log = files_of(home, story_id).log
        assert time.monotonic() < deadline, f"{story}\n{log.read_text() if log.exists() else ''}"
        time.sleep(0.05)


def test_the_cheapest_remedy_comes_first_and_the_story_ends_where_the_limit_is_met(
    spoilt: Spoilt,
) -> None:
    home, told = spoilt.home, []
    queued = control.enter(home, asked(spoilt, *Remedy), "spoilt")
    story = work(home, queued.id, told.append)

    assert (story.status, story.error) == (Status.FINISHED, "")
    base, remedy = story.steps
    assert (base.remedy, base.state) == (None, StepState.TRIED)
    assert (remedy.remedy, remedy.state) == (Remedy.PERCENTILE, StepState.MET)
    assert base.outcome is not None
    assert base.outcome.drop_points > 5, "clipping a tenth of all values must hurt"
    assert (base.run, base.seconds) == (spoilt.run.id, None), "measured by the run already"
    assert story.ahead[0][0] is Remedy.PERCENTILE
    ahead = [name for name, _ in story.ahead]
    assert ahead.index(Remedy.QAT) > ahead.index(Remedy.MOVING_AVERAGE), "whatever is cached"

    database = Database(home.database)
    run = database.get_run(remedy.run)
    database.close()
    results = load_results(home, run)
    comparison = results.variants["int8"].comparison
    found = remedy.outcome
    assert comparison is not None
    assert found is not None
    assert found.drop_points == -(comparison.difference_points or 0.0)
    assert (found.p, found.kl) == (comparison.p, comparison.kl)
    assert found.top1 == results.variants["int8"].accuracy.top1.share
    assert found.same_float32
    assert remedy.seconds is not None
    assert remedy.cached >= remedy.stages - 3, "the tiny run has made nearly all of it"
    assert load(home, story.id) == story == told[-1]


def test_a_remedy_with_no_time_left_is_skipped_and_the_limit_is_not_met(spoilt: Spoilt) -> None:
    rescue = asked(spoilt, Remedy.MORE_IMAGES, Remedy.MIXED, budget_seconds=10)
    story = work(spoilt.home, control.enter(spoilt.home, rescue).id)
    assert story.status is Status.FINISHED
    assert story.met is None
    assert [step.state for step in story.steps[1:]] == [StepState.SKIPPED] * 2
    assert all("It would take about" in step.why for step in story.steps[1:])


def test_a_killed_rescue_is_noticed_cancelled_and_resumed(spoilt: Spoilt) -> None:
    home = spoilt.home
    rescue = asked(spoilt, Remedy.MOVING_AVERAGE)
    first = control.enter(home, rescue)
    pid = control.start_detached(home, first.id)
    begun = until(home, first.id, lambda story: story.current is not None)
    assert begun.base is not None
    os.kill(pid, signal.SIGKILL)
    killed = until(home, first.id, lambda story: story.status is Status.INTERRUPTED)
    assert killed.current is not None
    run = killed.current.run

    control.resume(home, first.id)
    with pytest.raises(InputError, match="already"):
        control.resume(home, first.id)
    until(home, first.id, lambda story: story.current is not None and story.pid != pid)
    control.request_cancel(home, first.id)
    cancelled = until(home, first.id, lambda story: not story.status.is_active)
    # A cancellation in the very last moment comes too late, and nothing is lost either way.
    assert cancelled.status in (Status.CANCELLED, Status.FINISHED)

    if cancelled.status is Status.CANCELLED:
        assert cancelled.steps[-1].state is StepState.CANCELLED
        control.prepare_again(home, first.id)
    story = work(home, first.id)
    assert story.status is Status.FINISHED
    base, remedy = story.steps
    assert base == begun.base, "int8 as it is was not measured again"
    assert remedy.run == run, "the same run went on"
    assert (remedy.seconds or 0) > (cancelled.steps[-1].seconds or 0), "no time was given back"
    assert remedy.outcome is not None
    assert remedy.outcome.drop_points < (base.outcome.drop_points if base.outcome else 0)


def test_a_story_is_deleted_once_nobody_works_on_it(spoilt: Spoilt) -> None:
    home = spoilt.home
    story = control.enter(home, asked(spoilt, Remedy.QAT))
    control.request_cancel(home, story.id)
    with (
        FileLock(files_of(home, story.id).lock),
        pytest.raises(InputError, match="Cancel it first"),
    ):
        control.delete(home, story.id)
    others = [each.id for each in stories(home) if each.id != story.id]
    told = CliRunner().invoke(app, ["rescue", "delete", story.id])
    assert told.exit_code == 0, told.output
    assert [each.id for each in stories(home)] == others
    assert not files_of(home, story.id).folder.exists()
    with pytest.raises(InputError, match="no rescue"):
        control.delete(home, story.id)


def test_a_damaged_story_says_so_and_hides_no_other(spoilt: Spoilt) -> None:
    home = spoilt.home
    story = control.enter(home, asked(spoilt, Remedy.QAT))
    control.request_cancel(home, story.id)
    path = files_of(home, story.id).folder / STORY_FILE
    whole = path.read_bytes()
    before = len(stories(home))
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="no rescue"):
        load(home, story.id)
    assert len(stories(home)) == before - 1
    save(home, story)
    assert json.loads(path.read_bytes())["id"] == story.id
    control.request_cancel(home, story.id)
    with pytest.raises(InputError, match="not the id"):
        load(home, "../runs")


def test_the_command_ends_with_0_where_the_limit_is_met_and_1_where_it_is_not(
    spoilt: Spoilt,
) -> None:
    def effq(*arguments: object) -> Any:
        return CliRunner().invoke(app, [str(each) for each in arguments])

    met = effq("rescue", spoilt.run.id, "--max-drop", 5, "--remedy", "percentile")
    assert met.exit_code == 0, met.output
    assert "meets the limit" in met.stdout

    options = ("--max-drop", 0.5, "--remedy", "mixed", "--budget", 10)
    unmet = effq("rescue", spoilt.run.id, *options, "--json")
    assert unmet.exit_code == 1
    plain = json.loads(unmet.stdout)
    assert [step["state"] for step in plain["steps"]] == ["tried", "skipped"]

    shown = effq("rescue", "show", "latest", "--markdown")
    assert shown.stdout.startswith("# Rescue of spoilt")
    assert plain["verdict"][0].split(" (")[0] in shown.stdout
    listed = effq("rescue", "list")
    assert plain["id"] in listed.stdout
    assert effq("rescue", "show", plain["id"]).exit_code == 0
    again = effq("rescue", "cancel", plain["id"])
    assert "had ended already" in again.stdout
    assert effq("rescue", spoilt.run.id, "--max-drop", -1).exit_code == 2
    assert effq("rescue", "no-such-run").exit_code == 2


def test_a_run_of_other_settings_is_not_taken_for_the_experiments_int8(spoilt: Spoilt) -> None:
    # Its run has another percentile than the experiment asks for: int8 has to be measured.
    home = spoilt.home
    other = replace(spoilt.experiment, calibration=replace(spoilt.experiment.calibration,
                                                           percentile=99.99))  # fmt: skip
    rescue = replace(asked(spoilt, Remedy.QAT), experiment=other)
    story = work(home, control.enter(home, rescue).id)
    [base] = story.steps
    assert base.run != spoilt.run.id
    assert base.state is StepState.MET
    names = fingerprints(build_plan(other, home))
    assert ArtifactStore(home).exists("report", names["report"])


def test_disagreement_stands_in_for_the_loss_where_nothing_has_labels(
    tiny_run, tmp_path: Any
) -> None:
    from tests.results.run_variations import unlabelled

    found = outcome_of(unlabelled(tiny_run.results, tmp_path), "int8")
    comparison = tiny_run.results.variants["int8"].comparison
    assert not found.is_labelled
    assert found.drop_points == pytest.approx(100 * (1 - comparison.agreement.share))
    assert found.drop_low == pytest.approx(100 * (1 - comparison.agreement.high))
    assert found.drop_high == pytest.approx(100 * (1 - comparison.agreement.low))
    assert (found.top1, found.p) == (None, None)
