from __future__ import annotations

from dataclasses import replace

import pytest

from effq_core.measure.latency import Ratio
from effq_core.rescue.document import HEADS, rows, to_json, to_markdown
from effq_core.rescue.outcome import Outcome, Tells
from effq_core.rescue.request import Remedy
from effq_core.rescue.story import StepState, Story
from effq_core.rescue.wording import extra_latency, price_text, verdict
from effq_core.store.rows import Status
from tests.rescue.rescue_stories import BAD, CLIPPED, outcome, step, story, unlabelled


def test_a_met_limit_is_told_with_what_it_gave_and_what_it_cost() -> None:
    first, second, *_ = verdict(story(BAD, CLIPPED))
    assert first == (
        "int8 as it is loses 1.5 points of top-1 on 2,000 photos (95 % interval 0.90 to 2.10, "
        "p = 0.04), more than the 0.3 points allowed."
    )
    assert second.startswith("Percentile calibration (99.99 %, 500 images) meets the limit")
    assert "93 % of the loss is recovered" in second
    assert "41 s (27 of 31 stages cached); as large as int8, 1.00× its time" in second


def test_a_loss_that_chance_would_do_is_never_called_recovered() -> None:
    assert BAD.outcome is not None
    chance = replace(BAD, outcome=replace(BAD.outcome, p=0.21))
    told = " ".join(verdict(story(chance, CLIPPED)))
    assert "is recovered" not in told
    assert "int8's own loss is consistent with chance" in told


def test_an_unmet_limit_names_what_came_nearest() -> None:
    slight = replace(CLIPPED, state=StepState.TRIED, outcome=outcome(0.9))
    worse = step(Remedy.MORE_IMAGES, outcome(1.8), StepState.TRIED)
    told = " ".join(verdict(story(BAD, slight, worse)))
    assert "None of the 2 remedies measured holds the limit" in told
    assert "Percentile calibration (99.99 %, 500 images) comes nearest" in told
    told = " ".join(verdict(story(BAD, worse)))
    assert "None is better than int8 as it is" in told


def test_int8_within_the_limit_needs_no_rescue() -> None:
    fine = step(None, outcome(0.1, half=0.1), StepState.MET)
    told = verdict(story(fine))
    assert told[0].endswith("within the 0.3 points allowed: nothing needs rescuing.")
    assert not any("judged on the same" in sentence for sentence in told)


@pytest.mark.parametrize(
    ("half", "tells", "says"),
    [
        (0.1, Tells.WITHIN, "enough to tell: the whole interval is within"),
        (0.6, Tells.OPEN, "not enough to be sure"),
    ],
)
def test_it_says_whether_the_photos_can_tell(half: float, tells: Tells, says: str) -> None:
    found = outcome(0.1, half=half)
    assert found.tells(0.3) is tells
    told = " ".join(verdict(story(BAD, replace(CLIPPED, outcome=found))))
    assert says in told


def test_a_loss_surely_beyond_the_limit_is_called_so() -> None:
    assert outcome(1.5, half=0.6).tells(0.3) is Tells.BEYOND
    assert "the whole interval is beyond the limit" in " ".join(verdict(story(BAD)))


def test_it_says_that_several_files_were_judged_on_the_same_photos() -> None:
    assert any(
        sentence.startswith("2 files were judged on the same 2,000 photos")
        for sentence in verdict(story(BAD, CLIPPED))
    )


def test_a_loss_of_exactly_the_limit_meets_it_and_a_failed_check_never_does() -> None:
    assert outcome(0.3).meets(0.3)
    assert outcome(100 * (3 / 1000)).meets(0.3), "what rounding adds is no loss"
    assert not outcome(0.31).meets(0.3)
    assert not outcome(0.0, failed_gates=("keras_vs_tflite",)).meets(0.3)


def test_photos_without_labels_are_told_by_disagreement() -> None:
    bad = step(None, unlabelled(4.0), StepState.TRIED)
    good = step(Remedy.PERCENTILE, unlabelled(0.2), StepState.MET)
    told = " ".join(verdict(story(bad, good)))
    assert "differs from float32 on 4.00 % of 2,000 photos without labels" in told
    assert "more than the 0.3 % allowed" in told
    assert "top-1" not in told


def test_what_was_skipped_or_not_needed_is_said() -> None:
    skipped = step(Remedy.MIXED, None, StepState.SKIPPED, why="It would take an hour.")
    told = verdict(story(BAD, skipped, CLIPPED))
    assert "Worst blocks in floats was skipped: It would take an hour." in told
    assert told[-1] == (
        "Not needed: moving-average calibration, more calibration images, quantization-aware "
        "training."
    )


def test_another_float_model_is_said() -> None:
    changed = replace(CLIPPED, outcome=outcome(0.1, same_float32=False))
    assert any("another model" in sentence for sentence in verdict(story(BAD, changed)))


def test_the_document_has_a_row_a_step_and_survives_its_own_marks() -> None:
    skipped = step(Remedy.QAT, None, StepState.SKIPPED, why="a | b *c*")
    told = story(BAD, CLIPPED, skipped)
    assert all(len(cells) == len(HEADS) for cells in rows(told))
    lines = to_markdown(told).splitlines()
    table = [line for line in lines if line.startswith("| ")]
    assert len(table) == 4
    assert r"a \| b \*c\*" in table[-1]


def test_the_json_holds_the_verdict_and_no_process() -> None:
    told = story(BAD, CLIPPED)
    plain = to_json(replace(told, pid=1))
    assert plain["verdict"] == verdict(told)
    assert not {"pid", "token"} & set(plain)
    assert Story.from_dict(told.to_dict()) == told


def test_a_story_under_way_claims_nothing_about_its_end() -> None:
    told = verdict(story(BAD, replace(CLIPPED, outcome=None), status=Status.RUNNING))
    assert len(told) == 1


def test_times_of_two_runs_are_compared_by_their_speed_ups_over_float32() -> None:
    def timed(ms: float, times: float, *, disturbed: bool = False) -> Outcome:
        ratio = Ratio(times=times, low=0.9 * times, high=1.1 * times, rounds=5, disturbed=disturbed)
        return replace(outcome(0.1), latency_ms={"1": ms}, speedup={"1": ratio})

    # The machine was half as fast on the second day: by the times alone it would be twice as slow.
    base, slow_day = timed(5.0, 3.0), timed(10.0, 3.0)
    found = extra_latency(slow_day, base)
    assert found is not None and (found[0], found[1].times, found[1].rounds) == ("1", 1.0, 5)
    assert "1.00× its time on 1 thread" in price_text(slow_day, base)
    busy = price_text(timed(10.0, 3.0, disturbed=True), base)
    assert "1.00×* its time on 1 thread, timed while the processor was busy" in busy
    assert Outcome.from_dict(base.to_dict()) == base


def test_a_story_of_before_is_read_and_says_that_it_was_not_timed_together() -> None:
    plain = outcome(0.1).to_dict()
    del plain["speedup"]
    old = Outcome.from_dict(plain)
    assert "its time on 1 thread, not timed together" in price_text(old, old)
