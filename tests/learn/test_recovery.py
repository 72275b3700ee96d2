from __future__ import annotations

from dataclasses import replace

import pytest

from effq_core.learn.recovery import LADDER, answers, describe, missing, rungs
from effq_core.measure.statistics import Comparison
from effq_core.results import Results, load_reference


@pytest.fixture(scope="module")
def reference() -> Results:
    return load_reference()


def without(results: Results, *names: str) -> Results:
    kept = {name: each for name, each in results.variants.items() if name not in names}
    return replace(results, variants=kept)


def test_every_question_is_answered_from_the_photos_where_the_two_differ(
    reference: Results,
) -> None:
    found = answers(reference)
    assert [a.missing for a in found] == [()] * 4
    for answer in found:
        first, second = (
            reference.variants[name].accuracy.top1
            for name in (answer.question.first, answer.question.second)
        )
        assert answer.comparison.difference_points == pytest.approx(
            100 * (second.share - first.share)
        )
        assert answer.is_real is (answer.comparison.p < 0.05)
        assert ("Significant" in answer.text) is answer.is_real


def test_steps_add_up_to_the_whole_way(reference: Results) -> None:
    to_int8, ranges, training, _ = (a.comparison.difference_points for a in answers(reference))
    whole = reference.variants["int8_qat"].comparison.difference_points
    assert to_int8 + ranges + training == pytest.approx(whole)


def test_a_run_without_controls_says_which_are_missing(reference: Results) -> None:
    few = without(reference, "int8_qat_untrained", "int8_float_control")
    assert missing(few) == ("int8_qat_untrained", "int8_float_control")
    lost, ranges, training, awareness = answers(few)
    assert lost.comparison is not None
    for answer, control in (
        (ranges, "int8_qat_untrained"),
        (training, "int8_qat_untrained"),
        (awareness, "int8_float_control"),
    ):
        assert answer.comparison is None
        assert answer.missing == (control,)
        assert reference.variants[control].title in answer.text


def test_rungs_are_the_int8_variants_a_run_has_in_the_order_of_the_story(
    reference: Results,
) -> None:
    assert [rung.variant for rung in rungs(reference)] == list(LADDER)
    assert rungs(without(reference, *LADDER)) == ()
    for rung in rungs(reference):
        assert rung.low < rung.middle < rung.high
        real = reference.variants[rung.variant].comparison.p < 0.05
        assert rung.is_real is real


def comparison(reference: Results, **changes: object) -> Comparison:
    return replace(reference.variants["int8"].comparison, **changes)


def test_a_difference_is_called_what_it_is(reference: Results) -> None:
    few = comparison(reference, p=0.4, too_small_to_tell=True)
    assert "cannot rule out a whole point" in describe(few)
    real = comparison(reference, p=0.001)
    assert "1,966 photos" in describe(real)


def test_without_labels_only_agreement_is_told(reference: Results) -> None:
    blind = comparison(reference, difference_points=None, low_points=None, high_points=None, p=None)
    assert "the same answer on 97.8 %" in describe(blind).lower()
    unlabelled = replace(
        reference,
        variants={
            name: replace(each, comparison=each.comparison and blind)
            for name, each in reference.variants.items()
        },
    )
    assert {rung.is_real for rung in rungs(unlabelled)} == {None}
    assert rungs(unlabelled)[0].middle == pytest.approx(97.8, abs=0.05)
