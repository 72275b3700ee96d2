"""A run's outcome in one sentence, on the real measurements of the reference run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effq_core.advise.cautions import disturbances
from effq_core.advise.message import say
from effq_core.advise.recommend import headline
from effq_core.results import load_reference
from tests.results.run_variations import changed, only, steady, together, unlabelled

REFERENCE = load_reference()


def timing(plain: dict[str, Any], variant: str) -> dict[str, Any]:
    found: dict[str, Any] = plain["variants"][variant]["latency"][0]
    return found


def test_the_reference_run_in_one_sentence() -> None:
    found = headline(REFERENCE)

    assert found.message.key == "recommended" and found.variant == "int8"
    gain = found.message.facts["gain"]
    assert gain.key == "gain_faster" and gain.facts["threads"] == 1
    assert (gain.facts["smaller"], gain.facts["times"]) == pytest.approx((3.30, 2.74), abs=0.01)
    assert gain.facts["loss"].key == "chance" and gain.facts["loss"].facts["n"] == 1966
    assert found.text == found.message.text


def test_a_ratio_of_separate_timings_is_a_doubt(tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to(REFERENCE.folder)
    own = replace(REFERENCE, folder=tmp_path / "run")
    found = headline(own)
    assert found.cautions[0] == say("separate", variant="int8", baseline="float32")
    assert not found.sure
    sat = headline(steady(own))
    assert sat.sure and not sat.cautions
    assert headline(only(own, "float32")).sure, "it is compared with nothing"


def test_the_reference_run_offers_no_timing_that_cannot_be_repeated_here() -> None:
    found = headline(REFERENCE)
    assert found.cautions[0].key == "separate_reference"
    assert not found.sure


def test_an_uneven_timing_whose_speed_up_is_the_same_in_all_rounds_is_a_remark() -> None:
    def even(plain: dict[str, Any]) -> None:
        for name, ms in (("float32", 20.0), ("int8", 5.0)):
            values = [ms] * 17 + [2 * ms] * 3
            timing(plain, name).update(samples_ms=values * 5, p90_ms=2 * ms, median_ms=ms)

    found = headline(together(changed(REFERENCE, even)))

    assert found.sure
    assert found.cautions[-1] == say("steady", low=4.0, high=4.0, rounds=5)


def test_a_speed_up_that_differs_from_round_to_round_is_a_doubt() -> None:
    def drift(plain: dict[str, Any]) -> None:
        samples = [ms for ms in (20.0, 20.0, 20.0, 20.0, 12.0) for _ in range(20)]
        timing(plain, "float32").update(samples_ms=samples)
        timing(plain, "int8").update(samples_ms=[5.0] * 100)

    found = headline(together(changed(REFERENCE, drift)))

    assert not found.sure
    assert say("unsteady", low=2.4, high=4.0, rounds=5) in found.cautions


@pytest.mark.parametrize("variant", ["int8", "float32", "float16"])
@pytest.mark.parametrize("sat", [True, False])
def test_a_disturbed_timing_is_never_the_headline(variant: str, sat: bool) -> None:
    busy = {"others_share": 0.53}
    found = headline(
        together(REFERENCE, {variant: 0.53})
        if sat
        else changed(REFERENCE, lambda plain: timing(plain, variant).update(busy))
    )

    assert found.message == say("must_retime")
    assert found.retime and not found.sure and found.variant is None
    assert found.cautions == (say("retime", busy=say("busy", variants=(variant,), share=0.53)),)


def test_the_only_sound_file_is_not_called_faster_by_a_disturbed_ratio() -> None:
    def fail(plain: dict[str, Any]) -> None:
        plain["variants"]["float32"]["gates"][0]["passed"] = False

    found = headline(together(changed(only(REFERENCE, "float32", "int8"), fail), {"int8": 0.53}))
    assert found.message.facts["gain"].key == "gain"
    assert "faster" not in found.text and found.retime and not found.sure


def test_a_disturbed_timing_of_another_thread_count_does_not_matter() -> None:
    def busy(plain: dict[str, Any]) -> None:
        plain["variants"]["int8"]["latency"][1]["others_share"] = 0.53

    assert headline(steady(changed(REFERENCE, busy))).sure
    assert headline(changed(REFERENCE, busy), threads=2).retime


@pytest.mark.parametrize("where", ["photos", "float32"])
def test_a_failed_check_of_what_it_rests_on_makes_it_unsure(where: str) -> None:
    def fail(plain: dict[str, Any]) -> None:
        gates = plain["gates"] if where == "photos" else plain["variants"][where]["gates"]
        gates[0]["passed"] = False

    found = headline(steady(changed(REFERENCE, fail)))
    assert found.variant == "int8" and not found.sure
    assert found.cautions[0].key == ("photos_failed" if where == "photos" else "variant_failed")


def test_too_few_photos_make_it_unsure() -> None:
    def few(plain: dict[str, Any]) -> None:
        plain["variants"]["int8"]["comparison"]["too_small_to_tell"] = True

    found = headline(steady(changed(REFERENCE, few)))
    assert not found.sure and found.cautions[0].key == "too_few"


def test_no_variant_that_passed_its_checks_is_recommended() -> None:
    def fail(plain: dict[str, Any]) -> None:
        for variant in plain["variants"].values():
            variant["gates"][0]["passed"] = False

    found = headline(changed(REFERENCE, fail))
    assert found.variant is None and not found.sure
    assert found.message == say("none")


def test_a_float_model_at_chance_level_comes_before_everything_else() -> None:
    verdict = "float32 is no better than chance on these images."
    gate = {"name": "answers_fit_labels", "passed": False, "value": 0.1, "limit": 0.1, "n": 50}

    def fail(plain: dict[str, Any]) -> None:
        plain["variants"]["float32"]["gates"].append({**gate, "detail": verdict})

    found = headline(changed(REFERENCE, fail))
    assert found.text == verdict
    assert found.variant is None and not found.sure


def test_float32_alone_and_float32_as_the_best() -> None:
    def slow(plain: dict[str, Any]) -> None:
        timing(plain, "int8").update(median_ms=30.0, median_low_ms=29.0, median_high_ms=31.0)

    assert headline(only(REFERENCE, "float32")).message == say("alone", variant="float32")
    found = headline(changed(only(REFERENCE, "float32", "int8"), slow))
    assert found.variant == "float32"
    assert found.message == say("stay", variant="float32", threads=1)


def test_a_speed_within_the_noise_is_not_called_faster_or_slower() -> None:
    results = only(REFERENCE, "float32", "float16")
    threads2 = headline(results, threads=2)

    gain = threads2.message.facts["gain"]
    assert gain.key == "gain_same" and gain.facts["threads"] == 2
    assert gain.facts["times"] == pytest.approx(0.98, abs=0.01)


def test_without_labels_it_tells_the_agreement(tmp_path: Path) -> None:
    loss = headline(unlabelled(REFERENCE, tmp_path)).message.facts["gain"].facts["loss"]
    assert loss.key == "agreement" and loss.facts["share"] == pytest.approx(0.97, abs=0.01)


def test_disturbances_name_every_timing_that_was_busy_or_uneven() -> None:
    assert [each.facts["variant"] for each in disturbances(REFERENCE, 1)] == ["float32"]
    assert [each.facts["variant"] for each in disturbances(REFERENCE, 2)] == ["int8_qat"]

    def busy(plain: dict[str, Any]) -> None:
        for name in ("float32", "float16", "int8"):
            timing(plain, name).update(warning="Busy.", others_share=0.5)

    first = disturbances(changed(REFERENCE, busy), 1)[0]
    assert first == say("busy", variants=("float32", "float16", "int8"), share=0.5)
    assert disturbances(only(REFERENCE, "int8", "float32"), 7) == ()


def collapsed(plain: dict[str, Any]) -> None:
    """int8 as EfficientNets are known to fail: fast, small, and wrong."""
    comparison = plain["variants"]["int8"]["comparison"]
    comparison.update(
        difference_points=-60.0,
        low_points=-62.0,
        high_points=-58.0,
        worse=1190,
        better=10,
        p=1e-300,
    )


def test_a_collapsed_variant_is_never_recommended() -> None:
    found = headline(only(changed(REFERENCE, collapsed), "float32", "float16", "int8"))

    assert found.variant == "float16"


def test_a_small_but_certain_loss_is_no_sure_recommendation() -> None:
    def lose(plain: dict[str, Any]) -> None:
        comparison = plain["variants"]["int8"]["comparison"]
        comparison.update(
            difference_points=-0.9, low_points=-1.4, high_points=-0.4, worse=20, better=2, p=1e-4
        )

    found = headline(steady(only(changed(REFERENCE, lose), "float32", "int8")))

    assert found.variant == "int8" and not found.sure
    assert say("real_loss", lost=0.9, p=1e-4) in found.cautions
