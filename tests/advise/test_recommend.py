"""Picking a variant by limits, on the real measurements of the reference run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effq_core.advise.message import Message, say
from effq_core.advise.recommend import Limits, Preference, drop_of, recommend
from effq_core.experiment.variants import CATALOGUE, controls
from effq_core.results import Results, load_reference
from tests.results.run_variations import SHIPPED, changed, only, together, unlabelled

REFERENCE = load_reference()


def verdicts(results: Results, limits: Limits) -> dict[str, Message]:
    found = recommend(results, limits)
    said = {verdict.name: verdict.reason for verdict in found.others}
    return said | ({found.chosen.name: found.chosen.reason} if found.chosen else {})


def chosen(results: Results, **limits: object) -> str | None:
    found = recommend(results, Limits(**{"threads": 1, **limits})).chosen
    return found.name if found else None


def test_without_limits_the_fastest_is_int8_because_qat_is_no_faster_and_costs_training() -> None:
    said = verdicts(REFERENCE, Limits(threads=1))

    assert chosen(REFERENCE) == "int8"
    assert said["int8"].key == "gain_faster" and said["int8"].facts["loss"].key == "chance"
    tied = say("tied", fits=say("usable"), best="int8", easier=say("no_training"))
    assert said["int8_qat"] == tied
    assert said["float32"].key == "beaten"
    slower = said["float32"].facts["why"]
    assert slower.key == "slower" and slower.facts["best"] == "int8"
    assert slower.facts["ms"] == pytest.approx(16.9, abs=0.05)


def test_the_smallest_is_dynamic_range_and_the_others_are_larger() -> None:
    said = verdicts(REFERENCE, Limits(threads=1, prefer=Preference.SMALLEST))

    assert chosen(REFERENCE, prefer=Preference.SMALLEST) == "dynamic_range"
    larger = said["int8"].facts["why"]
    assert larger.key == "larger" and larger.facts["best"] == "dynamic_range"


def test_the_most_accurate_is_the_fastest_of_those_that_cannot_be_told_apart() -> None:
    said = verdicts(REFERENCE, Limits(threads=1, prefer=Preference.MOST_ACCURATE))

    assert chosen(REFERENCE, prefer=Preference.MOST_ACCURATE) == "int8"
    beaten = said["float32"]
    assert (beaten.key, beaten.facts["equal"]) == ("beaten_later", ("accuracy",))
    assert beaten.facts["why"].key == "slower"


def test_a_real_loss_of_accuracy_decides() -> None:
    def swap(plain) -> None:
        """Gives QAT the control's answers, which beat int8's with p = 0.0095."""
        control = plain["variants"]["int8_float_control"]
        for key in ("predictions", "accuracy", "comparison"):
            plain["variants"]["int8_qat"][key] = control[key]

    results = changed(REFERENCE, swap)
    said = verdicts(results, Limits(threads=1))
    assert chosen(results) == "int8_qat"
    assert said["int8"].facts["equal"] == ("speed",)
    why = said["int8"].facts["why"]
    assert why.key == "less_accurate" and why.facts["best"] == "int8_qat"
    assert why.facts["p"] == pytest.approx(0.0095, abs=5e-5)


def test_controls_are_never_recommended_and_say_what_they_are_for() -> None:
    said = verdicts(REFERENCE, Limits(threads=1, prefer=Preference.MOST_ACCURATE))

    there = [name for name in controls() if name in REFERENCE.variants]
    assert there and all(said[name] == say("control", variant=name) for name in there)


@pytest.mark.parametrize(
    ("limits", "variant", "key"),
    [
        ({"size_kib": 6500}, "int8", "too_large"),
        ({"latency_ms": 8}, "dynamic_range", "too_slow"),
        ({"drop_points": 0.1}, "int8", "too_lossy"),
        ({"drop_points": 0.5, "certain": True}, "int8", "too_lossy"),
    ],
    ids=["size", "latency", "drop", "certain drop"],
)
def test_a_variant_beyond_a_limit_is_told_which(limits, variant: str, key: str) -> None:
    found = recommend(REFERENCE, Limits(threads=1, **limits))

    [verdict] = [other for other in found.others if other.name == variant]
    [broken] = verdict.reason.facts["limits"]
    assert broken.key == key and not verdict.fits


def test_several_limits_that_are_broken_are_all_said() -> None:
    said = verdicts(REFERENCE, Limits(threads=1, size_kib=12_000, latency_ms=7))

    assert [each.key for each in said["float32"].facts["limits"]] == ["too_large", "too_slow"]


def test_limits_nothing_keeps_to_choose_nothing() -> None:
    found = recommend(REFERENCE, Limits(threads=1, size_kib=100))

    assert found.chosen is None and len(found.others) == 7
    assert not any(verdict.fits for verdict in found.others)


def test_a_failed_check_keeps_a_variant_from_being_recommended() -> None:
    def fail(plain) -> None:
        plain["variants"]["int8"]["gates"][0]["passed"] = False

    results = changed(REFERENCE, fail)
    assert chosen(results) == "int8_qat"
    reason = verdicts(results, Limits(threads=1))["int8"]
    assert reason == say("failed", gate=results.variants["int8"].gates[0])


def test_a_thread_count_that_was_not_timed_cannot_keep_to_a_latency_limit() -> None:
    said = verdicts(REFERENCE, Limits(threads=4, latency_ms=1))

    untimed = say("beyond", limits=(say("untimed", threads=4),))
    assert all(said[name] == untimed for name in SHIPPED)


def test_a_choice_that_rests_on_too_few_photos_says_so() -> None:
    found = recommend(REFERENCE, Limits(threads=1, drop_points=0.0))

    # Of the fast ones only QAT did not lose a single point, as far as 1,966 photos tell.
    assert found.chosen.name == "int8_qat"
    assert (found.cautions[0].key, found.cautions[0].facts["n"]) == ("too_few", 1966)


@pytest.mark.parametrize("busy", ["float32", "int8", "float16"])
@pytest.mark.parametrize("sat", [True, False])
def test_the_fastest_is_never_named_by_a_disturbed_timing(busy: str, sat: bool) -> None:
    def disturb(plain) -> None:
        plain["variants"][busy]["latency"][0] |= {"others_share": 0.53}

    results = together(REFERENCE, {busy: 0.53}) if sat else changed(REFERENCE, disturb)
    found = recommend(results, Limits(threads=1))

    assert found.chosen is None and found.cautions == (found.retime,)
    assert found.retime == say("retime", busy=say("busy", variants=(busy,), share=0.53))
    said = {verdict.name: verdict.reason for verdict in found.others}
    assert said["int8"] == say("untold") and "×" not in str([*said.values()])


def test_a_disturbed_control_or_other_thread_count_does_not_matter() -> None:
    control = together(REFERENCE, {"int8_float_control": 0.53})
    assert recommend(control, Limits(threads=1)).chosen.name == "int8"

    def disturb(plain) -> None:
        plain["variants"]["int8"]["latency"][1]["others_share"] = 0.53

    assert chosen(changed(REFERENCE, disturb)) == "int8"
    assert chosen(changed(REFERENCE, disturb), threads=2) is None


def test_other_preferences_do_without_a_disturbed_speed() -> None:
    busy = together(REFERENCE, {"int8": 0.53})
    found = recommend(busy, Limits(threads=1, prefer=Preference.SMALLEST))
    assert found.chosen.name == "dynamic_range" and found.retime == found.cautions[0]
    best = recommend(
        together(REFERENCE, {"float32": 0.53}), Limits(threads=1, prefer=Preference.MOST_ACCURATE)
    )
    assert best.chosen.reason.key == "gain" and best.retime
    assert "slower" not in str(best.others)


def test_a_limit_on_latency_is_not_judged_by_a_disturbed_timing() -> None:
    busy = together(REFERENCE, {"int8": 0.53})
    found = recommend(
        busy, Limits(threads=1, latency_ms=10.0, prefer=Preference.SMALLEST, drop_points=1.0)
    )
    said = {verdict.name: verdict.reason for verdict in found.others}
    assert said["int8"].facts["limits"] == (say("disturbed"),) and found.retime
    fastest = recommend(busy, Limits(threads=1, latency_ms=10.0))
    assert fastest.chosen is None and fastest.retime


def test_float32_alone_is_recommended_with_nothing_gained() -> None:
    found = recommend(only(REFERENCE, "float32"), Limits(threads=1))

    assert found.chosen.name == "float32" and found.others == ()
    assert found.chosen.reason == say("trained")


def test_photos_without_labels_are_judged_by_agreement(tmp_path: Path) -> None:
    results = unlabelled(REFERENCE, tmp_path)

    found = recommend(results, Limits(threads=1, drop_points=1.0))
    said = {verdict.name: verdict.reason for verdict in found.others}
    assert found.chosen.name == "dynamic_range"
    assert found.chosen.reason.facts["loss"].key == "agreement"
    [broken] = said["int8"].facts["limits"]
    assert broken.key == "too_unlike"
    assert broken.facts["lost"] == pytest.approx(2.2, abs=0.05) and broken.facts["limit"] == 1.0


@settings(max_examples=60, deadline=None)
@given(
    size=st.none() | st.floats(1_000, 30_000),
    latency=st.none() | st.floats(1, 40),
    drop=st.none() | st.floats(0, 5),
    certain=st.booleans(),
    threads=st.sampled_from([1, 2]),
    prefer=st.sampled_from(list(Preference)),
)
def test_whatever_the_limits_the_choice_keeps_to_them_and_all_others_have_a_reason(
    size, latency, drop, certain, threads, prefer
) -> None:
    limits = Limits(
        threads=threads,
        size_kib=size,
        latency_ms=latency,
        drop_points=drop,
        certain=certain,
        prefer=prefer,
    )
    found = recommend(REFERENCE, limits)

    assert len(found.others) + (found.chosen is not None) == len(REFERENCE.variants)
    for verdict in found.others:
        assert verdict.reason.text.endswith((".", "must", "step"))
        assert verdict.reason.text.count(". ") <= 3
    if found.chosen is None:
        assert not any(verdict.fits for verdict in found.others)
        return
    variant = REFERENCE.variants[found.chosen.name]
    assert not CATALOGUE[variant.name].is_control and not variant.failed_gates
    assert size is None or variant.file.size_kib <= size
    assert latency is None or variant.timing(threads).median_ms <= latency
    assert drop is None or drop_of(variant, certain=certain) <= drop + 1e-9


@pytest.mark.parametrize("prefer", list(Preference))
def test_losing_the_winner_to_a_tighter_limit_never_brings_back_one_outside_it(prefer) -> None:
    size = REFERENCE.variants["int8"].file.size_kib
    assert chosen(REFERENCE, prefer=prefer, size_kib=size - 1) == "dynamic_range"
