"""Layers and a suggested mixed file through the real pipeline, on a network with a bad block."""

from __future__ import annotations

from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment
from effq_core.experiment.mixed import Layers, Mixed
from effq_core.intake.adding import Offer, check
from effq_core.intake.keeping import keep
from effq_core.layers.access import find_evidence
from effq_core.layers.effect_record import EffectRecord
from effq_core.layers.trial_record import Suggestion
from effq_core.measure.gates.recipe_as_asked import NAME
from effq_core.models.class_names import parse_labels
from effq_core.models.own.card import Preprocessing
from effq_core.pipeline.driver import run_foreground
from effq_core.results import load_results
from effq_core.store.database import Database
from effq_core.store.rows import Status
from effq_core.tflite.recipe import Recipe
from tests.layers.planted import BAD, planted_net

EXPERIMENT = Experiment(
    model="own:planted",
    dataset="photo_patches",
    variants=("int8", "int8_mixed"),
    calibration=Calibration(size=20, method="min_max"),
    training_size=80,
    evaluation_size=40,
    threads=(1,),
    layers=Layers(images=16, budget_seconds=120),
    mixed=Mixed(max_drop_points=10.0, max_extra_size=60.0, budget_seconds=120),
)


def test_a_run_finds_the_bad_block_and_makes_the_file_that_rescues_the_model(home: Home) -> None:
    path = home.root / "planted.h5"
    planted_net().save(str(path))
    labels = parse_labels("\n".join("abcdefgh"))
    keep(home, check(home, path, Offer("planted.h5", labels, Preprocessing.INSIDE)), "Planted")
    database = Database(home.database)
    try:
        ended = run_foreground(home, database.create_run(EXPERIMENT, "layers"))
    finally:
        database.close()
    assert ended.status is Status.FINISHED, f"{ended.error} {ended.hint}"
    results = load_results(home, ended)
    evidence = find_evidence(results)
    assert evidence is not None and evidence.effect is not None and evidence.signal is not None
    assert EffectRecord.load(evidence.effect).ranked()[0].name == BAD
    [folder] = evidence.suggestions
    found = Suggestion.load(folder)
    assert found.int8.drop_points > found.choice.drop_points
    assert BAD in found.choice.keep
    mixed = results.variants["int8_mixed"]
    assert Recipe.load(results.model_file("int8_mixed").parent).keep == found.choice.keep
    assert mixed.file.size_bytes == found.choice.size_bytes
    gates = {gate.name: gate for gate in mixed.gates}
    assert gates[NAME].passed, gates[NAME].detail
    # The variant is measured as any other, and its photos are those of the trial.
    assert mixed.comparison is not None and mixed.comparison.n == found.choice.n
    difference = mixed.comparison.difference_points
    assert difference is not None and abs(difference + found.choice.drop_points) < 1e-9
