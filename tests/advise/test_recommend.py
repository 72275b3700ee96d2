"""Picking a variant by limits, on the real measurements of the reference run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effq_core.advise.recommend import Limits, Preference, drop_of, recommend
from effq_core.experiment.variants import CATALOGUE, controls, standard
from effq_core.results import Results, load_reference
from tests.results.run_variations import changed, only, together, unlabelled

REFERENCE = load_reference()


def verdicts(results: Results, limits: Limits) -> dict[str, str]:
    found = recommend(results, limits)
    said = {verdict.name: verdict.reason for verdict in found.others}
    return said | ({found.chosen.name: found.chosen.reason} if found.chosen else {})


def chosen(results: Results, **limits: object) -> str | None:
    found = recommend(results, Limits(**{"threads": 1, **limits})).chosen
    return found.name if found else None


def test_without_limits_the_fastest_is_int8_because_qat_is_no_faster_and_costs_training() -> None:
    said = verdicts(REFERENCE, Limits(threads=1))

    assert chosen(REFERENCE) == "int8"
    assert said["int8"] == (
        "3.30× smaller than float32, 2.74× faster with 1 thread, with no difference in accuracy "
        "that 1,966 photos can show (−0.2 points, p = 0.73)."
    )
    assert said["int8_qat"] == (
        "Usable, and this run cannot tell it from int8, which is made without any training."
    )
    assert said["float32"] == "Usable, but slower than int8: 16.9 ms against 6.17 ms."


def test_the_smallest_is_dynamic_range_and_the_others_are_larger() -> None:
    said = verdicts(REFERENCE, Limits(threads=1, prefer=Preference.SMALLEST))

    assert chosen(REFERENCE, prefer=Preference.SMALLEST) == "dynamic_range"
    assert said["int8"] == "Usable, but larger than dynamic range: 6,948 KiB against 6,429 KiB."


def test_the_most_accurate_is_the_fastest_of_those_that_cannot_be_told_apart() -> None:
    said = verdicts(REFERENCE, Limits(threads=1, prefer=Preference.MOST_ACCURATE))

    assert chosen(REFERENCE, prefer=Preference.MOST_ACCURATE) == "int8"
    assert said["float32"].startswith("Usable, of equal accuracy, but slower than int8")


def test_a_real_loss_of_accuracy_decides() -> None:
    def swap(plain) -> None:
        """Gives QAT the control's answers, which beat int8's with p = 0.0095."""
        control = plain["variants"]["int8_float_control"]
        for key in ("predictions", "accuracy", "comparison"):
            plain["variants"]["int8_qat"][key] = control[key]

    results = changed(REFERENCE, swap)
    said = verdicts(results, Limits(threads=1))
    assert chosen(results) == "int8_qat"
    assert said["int8"] == (
        "Usable, of equal speed, but less accurate than int8 QAT by more than chance would do: "
        "−1.2 points, p = 0.0095."
    )


def test_controls_are_never_recommended_and_say_what_they_are_for() -> None:
    said = verdicts(REFERENCE, Limits(threads=1, prefer=Preference.MOST_ACCURATE))

    assert all(said[name].startswith("A control, never recommended") for name in controls())


@pytest.mark.parametrize(
    ("limits", "variant", "reason"),
    [
        ({"size_kib": 6500}, "int8", "Too large (6,948 KiB; the limit is 6,500 KiB)."),
        ({"latency_ms": 8}, "dynamic_range", "Too slow (9.90 ms with 1 thread; the limit is 8.00"),
        (
            {"drop_points": 0.1},
            "int8",
            "Loses too much accuracy (0.2 points; the limit is 0.1 points).",
        ),
        (
            {"drop_points": 0.5, "certain": True},
            "int8",
            "Loses too much accuracy (0.7 points at the far end of its 95 % interval; the limit "
            "is 0.5 points).",
        ),
    ],
    ids=["size", "latency", "drop", "certain drop"],
)
def test_a_variant_beyond_a_limit_is_told_which(limits, variant: str, reason: str) -> None:
    found = recommend(REFERENCE, Limits(threads=1, **limits))

    [verdict] = [other for other in found.others if other.name == variant]
    assert verdict.reason.startswith(reason) and not verdict.fits


def test_several_limits_that_are_broken_are_all_said() -> None:
    said = verdicts(REFERENCE, Limits(threads=1, size_kib=12_000, latency_ms=7))

    assert said["float32"] == (
        "Too large (22,895 KiB; the limit is 12,000 KiB), too slow (16.9 ms with 1 thread; the "
        "limit is 7.00 ms)."
    )


def test_limits_nothing_keeps_to_choose_nothing() -> None:
    found = recommend(REFERENCE, Limits(threads=1, size_kib=100))

    assert found.chosen is None and len(found.others) == 7
    assert not any(verdict.fits for verdict in found.others)


def test_a_failed_check_keeps_a_variant_from_being_recommended() -> None:
    def fail(plain) -> None:
        plain["variants"]["int8"]["gates"][0]["passed"] = False

    results = changed(REFERENCE, fail)
    assert chosen(results) == "int8_qat"
    assert verdicts(results, Limits(threads=1))["int8"].startswith(
        "It failed the check “Fast and plain kernels agree”:"
    )


def test_a_thread_count_that_was_not_timed_cannot_keep_to_a_latency_limit() -> None:
    said = verdicts(REFERENCE, Limits(threads=4, latency_ms=1))

    assert {said[name] for name in standard()} == {"Not timed with 4 threads."}


def test_a_choice_that_rests_on_too_few_photos_says_so() -> None:
    found = recommend(REFERENCE, Limits(threads=1, drop_points=0.0))

    # Of the fast ones only QAT did not lose a single point, as far as 1,966 photos tell.
    assert found.chosen.name == "int8_qat"
    assert found.cautions[0] == (
        "1,966 photos are too few to exclude a difference of 1 point: the 95 % interval is −0.2 "
        "to +1.7 points."
    )


@pytest.mark.parametrize("busy", ["float32", "int8", "float16"])
@pytest.mark.parametrize("sat", [True, False])
def test_the_fastest_is_never_named_by_a_disturbed_timing(busy: str, sat: bool) -> None:
    def disturb(plain) -> None:
        plain["variants"][busy]["latency"][0] |= {"others_share": 0.53}

    results = together(REFERENCE, {busy: 0.53}) if sat else changed(REFERENCE, disturb)
    found = recommend(results, Limits(threads=1))

    assert found.chosen is None and found.cautions == (found.retime,)
    title = CATALOGUE[busy].title
    assert found.retime == (
        f"{title} was timed on a busy machine (other programs used up to 53 % of the processor): "
        "timing has to be repeated before speeds can be compared. “Take all latencies anew” on the "
        "page Results, or `effq run --remeasure` with the same choices, times all of them together."
    )
    said = {verdict.name: verdict.reason for verdict in found.others}
    assert "timing has to be repeated" in said["int8"] and "×" not in " ".join(said.values())


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
    assert "faster" not in best.chosen.reason and best.retime
    assert not any("slower" in verdict.reason for verdict in best.others)


def test_a_limit_on_latency_is_not_judged_by_a_disturbed_timing() -> None:
    busy = together(REFERENCE, {"int8": 0.53})
    found = recommend(
        busy, Limits(threads=1, latency_ms=10.0, prefer=Preference.SMALLEST, drop_points=1.0)
    )
    said = {verdict.name: verdict.reason for verdict in found.others}
    assert "the limit on latency cannot be judged" in said["int8"] and found.retime
    fastest = recommend(busy, Limits(threads=1, latency_ms=10.0))
    assert fastest.chosen is None and fastest.retime


def test_float32_alone_is_recommended_with_nothing_gained() -> None:
    found = recommend(only(REFERENCE, "float32"), Limits(threads=1))

    assert found.chosen.name == "float32" and found.others == ()
    assert "nothing is gained" in found.chosen.reason


def test_photos_without_labels_are_judged_by_agreement(tmp_path: Path) -> None:
    results = unlabelled(REFERENCE, tmp_path)

    found = recommend(results, Limits(threads=1, drop_points=1.0))
    said = {verdict.name: verdict.reason for verdict in found.others}
    assert found.chosen.name == "dynamic_range"
    assert "no labels, so no accuracy" in found.chosen.reason
    assert said["int8"] == (
        "Gives another answer than float32 too often (2.2 points; the limit is 1.0 points)."
    )


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
        assert verdict.reason[0].isupper() and verdict.reason.endswith((".", "must", "step"))
        assert verdict.reason.count(". ") <= 3
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
