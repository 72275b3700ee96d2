from __future__ import annotations

import hashlib
import json
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from effq_core.base.errors import ExperimentError
from effq_core.experiment import Calibration, Experiment, Qat, QatLoss
from effq_core.experiment.calibration_methods import METHODS
from effq_core.experiment.variants import CATALOGUE, standard

experiments = st.builds(
    Experiment,
    model=st.sampled_from(["efficientnetv2_b0_imagenette", "efficientnet_lite0_imagenet"]),
    dataset=st.sampled_from(["photo_patches", "imagenette", "folder:/photos/Käse & Brot"]),
    variants=st.lists(st.sampled_from(list(CATALOGUE)), min_size=1, max_size=9).map(tuple),
    calibration=st.builds(
        Calibration,
        size=st.integers(10, 2000),
        method=st.sampled_from(list(METHODS)),
        percentile=st.floats(90, 100),
    ),
    qat=st.builds(
        Qat,
        epochs=st.integers(1, 100),
        learning_rate=st.floats(1e-8, 1e-1),
        batch_size=st.integers(1, 256),
        loss=st.sampled_from(QatLoss),
        validation_share=st.floats(0.01, 0.5),
    ),
    training_size=st.none() | st.integers(1, 10_000),
    evaluation_size=st.none() | st.integers(1, 10_000),
    image_size=st.none() | st.integers(32, 600),
    threads=st.lists(st.integers(1, 64), min_size=1, max_size=4).map(tuple),
    benchmark_invocations=st.integers(100, 10_000),
    seed=st.integers(0, 2**31 - 1),
)


@given(experiments)
def test_an_experiment_survives_json(experiment: Experiment) -> None:
    assert Experiment.from_dict(json.loads(json.dumps(experiment.to_dict()))) == experiment


@given(experiments, experiments)
def test_fingerprints_are_equal_exactly_where_experiments_are(a: Experiment, b: Experiment) -> None:
    assert (a.fingerprint() == b.fingerprint()) == (a == b)
    assert Experiment.from_dict(a.to_dict()).fingerprint() == a.fingerprint()


@given(experiments, st.data())
def test_the_order_and_repetition_of_choices_do_not_matter(
    experiment: Experiment, data: st.DataObject
) -> None:
    variants = data.draw(st.permutations(experiment.variants * 2))
    threads = data.draw(st.permutations(experiment.threads * 2))
    shuffled = replace(experiment, variants=tuple(variants), threads=tuple(threads))
    assert shuffled == experiment
    assert shuffled.fingerprint() == experiment.fingerprint()


@given(experiments)
def test_float32_is_always_among_the_variants(experiment: Experiment) -> None:
    assert experiment.variants[0] == "float32"
    positions = [list(CATALOGUE).index(name) for name in experiment.variants]
    assert positions == sorted(set(positions))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", "efficientnet_lite0_imagenet"),
        ("dataset", "imagenette"),
        ("variants", ("int8",)),
        ("calibration", Calibration(size=499)),
        ("calibration", Calibration(method="min_max")),
        ("calibration", Calibration(percentile=99.9)),
        ("qat", Qat(epochs=4)),
        ("qat", Qat(learning_rate=1.1e-5)),
        ("qat", Qat(batch_size=31)),
        ("qat", Qat(loss=QatLoss.DISTILL)),
        ("qat", Qat(validation_share=0.11)),
        ("training_size", 100),
        ("evaluation_size", 100),
        ("image_size", 192),
        ("threads", (1,)),
        ("benchmark_invocations", 101),
        ("seed", 43),
    ],
)
def test_every_choice_is_part_of_the_fingerprint(field: str, value: Any) -> None:
    assert replace(Experiment(), **{field: value}).fingerprint() != Experiment().fingerprint()


def test_the_fingerprint_is_the_hash_of_one_canonical_text() -> None:
    text = Experiment().canonical_json()
    assert text == json.dumps(Experiment().to_dict(), sort_keys=True, separators=(",", ":"))
    assert Experiment().fingerprint() == hashlib.sha256(text.encode()).hexdigest()


def test_the_defaults_are_the_papers_training_and_the_calibration_that_measured_best() -> None:
    experiment = Experiment()
    assert experiment.variants == standard()
    assert (experiment.qat.epochs, experiment.qat.learning_rate) == (5, 1e-5)
    assert (experiment.qat.batch_size, experiment.qat.loss) == (32, QatLoss.AUTO)
    assert experiment.calibration.size == 500
    assert experiment.calibration.method == "percentile"
    assert (experiment.benchmark_invocations, experiment.seed) == (100, 42)


@pytest.mark.parametrize(
    ("make", "bad", "limits"),
    [
        (lambda v: Calibration(size=v), (9, 2001, -1, 0), "10 to 2000"),
        (lambda v: Calibration(percentile=v), (89.9, 100.1, float("nan")), "90.0 to 100.0"),
        (lambda v: Qat(epochs=v), (0, 101), "1 to 100"),
        (lambda v: Qat(learning_rate=v), (0.0, 0.2, float("nan"), float("inf")), "1e-08 to 0.1"),
        (lambda v: Qat(batch_size=v), (0, 257), "1 to 256"),
        (lambda v: Qat(validation_share=v), (0.0, 0.51), "0.01 to 0.5"),
        (lambda v: Experiment(threads=(1, v)), (0, 65, -1), "1 to 64"),
        (lambda v: Experiment(image_size=v), (31, 601), "32 to 600"),
        (lambda v: Experiment(benchmark_invocations=v), (99, 10_001), "100 to 10000"),
        (lambda v: Experiment(seed=v), (-1, 2**31), "0 to 2147483647"),
    ],
)
def test_a_choice_out_of_range_is_refused_with_its_value_and_the_range(
    make: Any, bad: tuple[float, ...], limits: str
) -> None:
    for value in bad:
        with pytest.raises(ExperimentError) as caught:
            make(value)
        assert f" is {value}." in caught.value.message
        assert limits in caught.value.hint


@pytest.mark.parametrize(
    "make",
    [
        lambda: Calibration(size=10, percentile=90.0),
        lambda: Calibration(size=2000, percentile=100.0),
        lambda: Qat(epochs=1, learning_rate=1e-8, batch_size=1, validation_share=0.01),
        lambda: Qat(epochs=100, learning_rate=1e-1, batch_size=256, validation_share=0.5),
        lambda: Experiment(threads=(64, 1), image_size=32, benchmark_invocations=100, seed=0),
        lambda: Experiment(image_size=600, benchmark_invocations=10_000, seed=2**31 - 1),
        lambda: Experiment(training_size=1, evaluation_size=1),
    ],
)
def test_the_ends_of_each_range_are_allowed(make: Any) -> None:
    assert make() == make()


@pytest.mark.parametrize("field", ["training_size", "evaluation_size"])
def test_an_empty_sample_is_refused(field: str) -> None:
    with pytest.raises(ExperimentError, match=f"The {field[:-5]} size is 0"):
        Experiment(**{field: 0})


def test_no_variant_and_no_thread_count_are_refused() -> None:
    with pytest.raises(ExperimentError, match="No variant was chosen"):
        Experiment(variants=())
    with pytest.raises(ExperimentError, match="No thread count was chosen"):
        Experiment(threads=())


def test_an_unknown_variant_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ExperimentError, match="no variant 'int1'") as caught:
        Experiment(variants=("int1",))
    assert all(name in caught.value.hint for name in CATALOGUE)


def test_names_of_methods_and_losses_become_members_and_others_are_refused() -> None:
    assert Calibration(method="min_max").method == "min_max"  # type: ignore[arg-type]
    assert Qat(loss="distill").loss is QatLoss.DISTILL  # type: ignore[arg-type]
    with pytest.raises(ExperimentError, match="'entropy' is not a calibration method") as caught:
        Calibration(method="entropy")  # type: ignore[arg-type]
    assert "min_max, moving_average, percentile" in caught.value.hint
    with pytest.raises(ExperimentError, match="'mse' is not a loss"):
        Qat(loss="mse")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({"epochs": 3}, "Unknown setting of Experiment: epochs"),
        ({"qat": {"epochs": 3, "optimizer": "sgd"}}, "Unknown setting of Qat: optimizer"),
        ({"calibration": {"images": 3}}, "Unknown setting of Calibration: images"),
        ({"calibration": 500}, "Calibration must be an object, not 500"),
        ({"qat": None}, "Qat must be an object, not None"),
        (["float32"], "Experiment must be an object"),
        ({"qat": {"epochs": 0}}, "The number of QAT epochs is 0"),
        ({"variants": []}, "No variant was chosen"),
    ],
)
def test_plain_values_are_checked_like_any_others(plain: Any, message: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        Experiment.from_dict(plain)
    assert message in str(caught.value)


def test_missing_settings_take_their_defaults() -> None:
    assert Experiment.from_dict({}) == Experiment()
    partly = Experiment.from_dict({"qat": {"epochs": 2}, "threads": [2, 1]})
    assert partly == Experiment(qat=Qat(epochs=2))


@pytest.mark.parametrize(
    ("variants", "trains"),
    [
        (("float32", "float16", "dynamic_range", "int8"), False),
        (("int8_qat_untrained",), False),
        (("int8_qat",), True),
        (("int8_float_control",), True),
    ],
)
def test_only_trained_variants_make_an_experiment_train(
    variants: tuple[str, ...], trains: bool
) -> None:
    assert Experiment(variants=variants).trains is trains


def test_an_experiment_cannot_be_changed() -> None:
    for thing in (Experiment(), Calibration(), Qat()):
        with pytest.raises(FrozenInstanceError):
            setattr(thing, fields(thing)[0].name, None)


@pytest.mark.parametrize(
    "plain",
    [
        {"seed": "x"},
        {"seed": True},
        {"threads": None},
        {"threads": [1.5]},
        {"variants": [["int8"]]},
        {"training_size": 1.5},
        {"image_size": 64.5},
        {"model": 3},
        {"qat": {"epochs": 2.5}},
        {"calibration": {"size": 12.5}},
        {"calibration": {"percentile": "most"}},
    ],
    ids=str,
)
def test_values_of_the_wrong_kind_are_named(plain: dict[str, object]) -> None:
    with pytest.raises(ExperimentError):
        Experiment.from_dict(plain)
