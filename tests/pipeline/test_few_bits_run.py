"""Every variant of few bits through the real pipeline, on a small network of matrix products."""

from __future__ import annotations

from typing import Any

import pytest

from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment, Qat
from effq_core.experiment.fitted import Fitted
from effq_core.layers.trial_record import Suggestion
from effq_core.learn.access import find_rounding
from effq_core.learn.rounding import RoundingRecord
from effq_core.models.own.card import Preprocessing
from effq_core.pipeline.driver import run_foreground
from effq_core.results import Results, load_results
from effq_core.results.access import of_kind
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.rows import Status
from effq_core.tflite.recipe import WidthRecipe
from tests.models.own_files import classifier
from tests.pipeline.test_own_model import bring, photo_classes

FEW = ("int4", "int4_nearest", "int4_qat", "int2", "int2_qat", "fitted", "fitted_qat")
EXPERIMENT = Experiment(
    model="own:brought",
    dataset="photo_patches",
    variants=("dynamic_int4", *FEW),
    calibration=Calibration(size=20),
    qat=Qat(epochs=1, learning_rate=1e-4),
    fitted=Fitted(max_size=30, budget_seconds=60),
    training_size=60,
    evaluation_size=40,
    threads=(1,),
)


def _products(keras: Any, x: Any) -> Any:
    layers = keras.layers
    x = layers.Rescaling(1 / 127.5, -1)(x)
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu6")(x)
    for width in (96, 96):
        y = layers.Conv2D(width, 1, activation="relu6")(x)
        y = layers.DepthwiseConv2D(3, padding="same", activation="relu6")(y)
        # Large enough that answers are not all alike, whose order integers could not keep.
        x = layers.Conv2D(64, 1, kernel_initializer=keras.initializers.VarianceScaling(3000.0))(y)
    return layers.GlobalAveragePooling2D()(x)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    from tests.pipeline.conftest import store_in

    with store_in(tmp_path_factory.mktemp("few")) as home:
        labels = photo_classes(home)
        model = classifier(3, _products, classes=len(labels))
        bring(home, model, labels, Preprocessing.INSIDE)
        database = Database(home.database)
        try:
            ended = run_foreground(home, database.create_run(EXPERIMENT, "few bits"))
        finally:
            database.close()
        assert ended.status is Status.FINISHED, f"{ended.error} {ended.hint}"
        return load_results(home, ended)


def test_each_is_made_measured_and_passes_its_gates(results: Results) -> None:
    assert set(results.variants) == {"float32", "int8", *EXPERIMENT.variants}
    for name in FEW:
        gates = {gate.name: gate for gate in results.variants[name].gates}
        assert {"weight_bits", "one_partition"} <= gates.keys()
        assert not results.variants[name].failed_gates, results.variants[name].failed_gates
    for name in ("int4_qat", "int2_qat", "fitted_qat"):
        assert "keras_vs_tflite" in {gate.name for gate in results.variants[name].gates}


def test_fewer_bits_are_smaller_and_training_keeps_the_size(results: Results) -> None:
    size = {name: each.file.size_bytes for name, each in results.variants.items()}
    assert size["int2"] < size["int4"] < size["int8"] < size["float32"]
    assert size["int4_nearest"] == size["int4"]
    for name in ("int4", "int2", "fitted"):
        assert abs(size[f"{name}_qat"] - size[name]) < 512
    assert size["fitted"] <= 30 * 1024
    assert size["dynamic_int4"] < size["float32"] / 2


def test_the_rule_of_each_is_told(results: Results) -> None:
    rules = {name: each.rounding_rule for name, each in results.variants.items()}
    assert (rules["int8"], rules["int4"], rules["int4_nearest"]) == ("nearest", "gptq", "nearest")
    assert (rules["float32"], rules["fitted"]) == ("", "gptq")


def test_the_search_and_its_recipe_agree_with_the_file(results: Results) -> None:
    assert results.folder is not None
    [artifact] = of_kind(ArtifactStore(Home(results.folder.parent)), "fit")
    found = Suggestion.load(artifact.path)
    assert found.met and found.choice.size_bytes <= 30 * 1024
    recipes = [
        WidthRecipe.load(results.model_file(name).parent).widths
        for name in ("fitted", "fitted_qat")
    ]
    assert recipes[0] == recipes[1] and set(recipes[0].values()) <= {8, 4, 2}


def test_training_is_told_epoch_by_epoch_with_the_untrained_file_first(results: Results) -> None:
    told = results.variants["int4_qat"].training
    assert told is not None and told["loss"] == "distill"
    assert [epoch["epoch"] for epoch in told["history"]] == [0, 1]


def test_what_rounding_did_is_kept_for_learn(results: Results) -> None:
    folder = find_rounding(results)
    assert folder is not None
    record = RoundingRecord.load(folder)
    assert record.images == 20 and record.layers
