"""Each remedy changes one thing about the experiment, or says why it would change nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment
from effq_core.experiment.mixed import Layers, Mixed
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import fingerprints
from effq_core.rescue.remedies import CannotApply, apply, as_it_is, offers
from effq_core.rescue.request import Remedy, Rescue
from effq_core.store.artifacts import ArtifactStore

WIDE = Calibration(size=500, method="min_max")
BASE = Experiment(calibration=WIDE, variants=("int8", "int8_qat", "float16"), seed=3)
ASKED = Rescue(experiment=BASE, max_drop_points=0.7)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.mark.parametrize("remedy", Remedy)
def test_a_remedy_keeps_model_photos_seed_and_measurement(remedy: Remedy, home: Home) -> None:
    made = apply(remedy, replace(ASKED, experiment=replace(BASE, training_size=50)), WIDE, home)
    kept = ("model", "dataset", "seed", "image_size", "evaluation_size", "threads", "qat")
    assert all(getattr(made, name) == getattr(BASE, name) for name in kept)
    assert made.variants[0] == "float32"
    assert "float16" not in made.variants


def test_calibration_remedies_change_the_calibration_only(home: Home) -> None:
    clipped = apply(Remedy.PERCENTILE, ASKED, WIDE, home)
    mean = apply(Remedy.MOVING_AVERAGE, ASKED, WIDE, home)
    assert clipped.calibration == Calibration(size=500, percentile=99.99)
    assert mean.calibration == replace(WIDE, method="moving_average")
    back = {replace(made, calibration=WIDE) for made in (clipped, mean)}
    assert back == {as_it_is(BASE)}


def test_another_percentile_is_a_remedy_and_the_same_one_is_none(home: Home) -> None:
    harsh = Calibration(size=20, percentile=90.0)
    assert apply(Remedy.PERCENTILE, ASKED, harsh, home).calibration.percentile == 99.99
    with pytest.raises(CannotApply, match="already"):
        apply(Remedy.PERCENTILE, ASKED, Calibration(size=20), home)
    with pytest.raises(CannotApply, match="already"):
        mean = replace(WIDE, method="moving_average")
        apply(Remedy.MOVING_AVERAGE, ASKED, mean, home)


def test_four_times_the_images_calibrate_as_far_as_there_is_room(home: Home) -> None:
    # 2,750 photo patches are outside evaluation; a new head may lose a quarter of them at most.
    roomy = replace(ASKED, experiment=replace(BASE, training_size=None))
    few = apply(Remedy.MORE_IMAGES, roomy, replace(WIDE, size=50), home)
    assert few.calibration == replace(WIDE, size=200)
    there = apply(Remedy.MORE_IMAGES, roomy, replace(WIDE, size=200), home).calibration.size
    assert 300 <= there < 800
    assert there % 10 == 0
    with pytest.raises(CannotApply, match="room for"):
        apply(Remedy.MORE_IMAGES, roomy, replace(WIDE, size=there), home)
    with pytest.raises(CannotApply, match="no more than 2,000"):
        apply(Remedy.MORE_IMAGES, roomy, replace(WIDE, size=1500), home)


def test_mixing_precisions_takes_the_limit_and_looks_for_the_blocks_itself(home: Home) -> None:
    chosen = Mixed(keep=("stem",), max_extra_size=30.0, budget_seconds=900)
    asked = replace(
        ASKED,
        experiment=replace(BASE, variants=("int8_mixed",), mixed=chosen, layers=Layers(images=64)),
        budget_seconds=300,
    )
    made = apply(Remedy.MIXED, asked, WIDE, home)
    assert made.variants == ("float32", "int8", "int8_mixed")
    assert made.mixed == replace(chosen, keep=(), max_drop_points=0.7, budget_seconds=300)
    assert made.layers == Layers(images=64), "what is measured already is used"
    other = apply(Remedy.MIXED, asked, Calibration(size=500), home)
    assert other.layers is None


def test_the_cheapest_offer_comes_first_and_those_that_cannot_apply_last(home: Home) -> None:
    found = offers(ASKED, Calibration(size=100), home)
    assert [offer.remedy for offer in found if not offer.why][-1] is Remedy.QAT
    seconds = [offer.whole_seconds for offer in found if not offer.why]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0
    assert found[-1].remedy is Remedy.PERCENTILE
    assert "already" in found[-1].why


def test_what_is_cached_does_not_come_before_what_is_cheap(home: Home) -> None:
    asked = replace(ASKED, remedies=(Remedy.MOVING_AVERAGE, Remedy.QAT))
    trained = apply(Remedy.QAT, asked, WIDE, home)
    plan, store = build_plan(trained, home), ArtifactStore(home)
    for name, fingerprint in fingerprints(plan).items():
        with store.create(plan[name].kind, fingerprint, {}):
            pass
    found = offers(asked, WIDE, home)
    assert [offer.remedy for offer in found] == [Remedy.MOVING_AVERAGE, Remedy.QAT]
    assert found[0].seconds > found[1].seconds == 0, "here training is there already"


def test_what_was_tried_is_not_offered_again(home: Home) -> None:
    tried = apply(Remedy.PERCENTILE, ASKED, WIDE, home)
    found = offers(ASKED, WIDE, home, tried=[tried], without=[Remedy.QAT])
    assert Remedy.QAT not in {offer.remedy for offer in found}
    [clipped] = [offer for offer in found if offer.remedy is Remedy.PERCENTILE]
    assert clipped.why == "It has been measured with these settings already."


def test_qat_says_that_there_is_nothing_to_train_on(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    from PIL import Image

    for number in range(40):
        Image.new("RGB", (48, 48), (number * 6, 90, 10)).save(folder / f"{number}.png")
    experiment = Experiment(
        dataset=f"folder:{folder}", calibration=Calibration(size=28), variants=("int8",)
    )
    asked = Rescue(experiment=experiment, remedies=(Remedy.QAT,))
    [offer] = offers(asked, experiment.calibration, home)
    assert offer.experiment is None
    assert "leaves 0" in offer.why
