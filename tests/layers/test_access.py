"""Finding what is known about a run's layers by what it was made from."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effq_core.base.errors import StoreError
from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment
from effq_core.experiment.fitted import Fitted
from effq_core.experiment.mixed import Layers, Mixed
from effq_core.experiment.variants import FITTED, MIXED
from effq_core.layers import access
from effq_core.layers.access import (
    EFFECT,
    SIGNAL,
    SUGGEST,
    find_evidence,
    fitting,
    is_about,
    is_same_model,
    looking,
    mixing,
)
from effq_core.layers.effect_record import EffectRecord
from effq_core.layers.signal_record import SignalRecord
from effq_core.results import load_reference
from effq_core.store.artifacts import ArtifactStore


@pytest.fixture
def copied(layered_run: Any, tmp_path: Path) -> Any:
    """The results of the layered run in a store that may be changed."""
    home = tmp_path / "home"
    for kind in (SIGNAL, EFFECT, "convert"):
        shutil.copytree(layered_run.home.artifacts / kind, home / "artifacts" / kind)
    return replace(layered_run.results, folder=home / "artifacts")


def test_a_run_finds_its_own_evidence_and_how_it_was_asked_for(layered_run: Any) -> None:
    found = find_evidence(layered_run.results)
    assert found is not None
    assert found.asked == layered_run.experiment.layers
    signal, effect = SignalRecord.load(found.signal), EffectRecord.load(found.effect)
    assert signal.images == effect.images == 16
    assert found.suggestions == ()


def test_another_run_of_the_same_files_finds_it_too(tiny_run: Any, layered_run: Any) -> None:
    tiny = replace(tiny_run.results, folder=layered_run.home.artifacts)
    assert is_same_model(tiny, layered_run.results)
    assert find_evidence(tiny) == find_evidence(layered_run.results)


def test_a_run_nobody_has_looked_into_has_none(tiny_run: Any) -> None:
    assert find_evidence(tiny_run.results) is None


def test_other_ranges_are_other_evidence(layered_run: Any) -> None:
    results = layered_run.results
    other = replace(results.experiment, calibration=Calibration(size=20, percentile=99.0))
    found = find_evidence(replace(results, experiment=other))
    assert found is not None
    assert found.effect is None
    assert found.signal is not None  # that is of the two files, however they were made


def test_without_int8_there_is_nothing_to_look_into(layered_run: Any) -> None:
    results = layered_run.results
    floats = replace(results, variants={"float32": results.variants["float32"]})
    assert find_evidence(floats) is None
    assert not is_same_model(floats, results)


def test_what_was_deleted_is_not_found(copied: Any) -> None:
    shutil.rmtree(copied.folder / SIGNAL)
    found = find_evidence(copied)
    assert found is not None
    assert found.signal is None
    assert found.effect is not None
    shutil.rmtree(copied.folder / EFFECT)
    assert find_evidence(copied) is None


def test_of_two_looks_the_one_at_more_photos_is_taken(copied: Any) -> None:
    store = ArtifactStore(Home(copied.folder.parent))
    first = find_evidence(copied)
    assert first is not None
    made = store.find(SIGNAL, first.signal.name)
    assert made is not None
    inputs = {**made.inputs, "params": {**made.inputs["params"], "images": 40}}
    with store.create(SIGNAL, "a" * 64, inputs=inputs) as draft:
        SignalRecord.load(first.signal).save(draft.path)
        draft.summary = {"images": 40}
    again = find_evidence(copied)
    assert again is not None
    assert again.signal.name == "a" * 64


def test_a_look_that_came_to_its_end_goes_before_one_at_more_photos(copied: Any) -> None:
    store = ArtifactStore(Home(copied.folder.parent))
    first = find_evidence(copied)
    assert first is not None
    made = store.find(EFFECT, first.effect.name)
    assert made is not None
    record = EffectRecord.load(first.effect)
    for letter, images, complete in (("c", 100, True), ("d", 500, False)):
        with store.create(EFFECT, letter * 64, inputs=made.inputs) as draft:
            record.save(draft.path)
            draft.summary = {"images": images, "complete": complete}
    again = find_evidence(copied)
    assert again is not None
    assert again.effect.name == "c" * 64


def test_a_search_on_other_photos_is_not_this_runs(copied: Any) -> None:
    store = ArtifactStore(Home(copied.folder.parent))
    variants = copied.variants
    for letter, answers in (("e", variants["float32"].predictions), ("f", f"evaluate/{'0' * 64}")):
        addresses = {name: variants[name].artifact for name in ("float32", "int8")}
        inputs = {
            name: dict(zip(("stage", "fingerprint"), address.split("/"), strict=True))
            for name, address in {**addresses, "float32_answers": answers}.items()
        }
        with store.create(SUGGEST, letter * 64, inputs={"params": {}, "inputs": inputs}) as draft:
            (draft.path / "trials.json").write_text("{}")
    found = find_evidence(copied)
    assert found is not None
    assert [path.name for path in found.suggestions] == ["e" * 64]


def test_an_address_changed_by_hand_is_refused(layered_run: Any) -> None:
    results = layered_run.results
    int8 = replace(results.variants["int8"], artifact="../../etc")
    with pytest.raises(StoreError, match="not the name of an artifact"):
        find_evidence(replace(results, variants={**results.variants, "int8": int8}))


def test_the_reference_run_finds_what_ships_with_it(
    copied: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "REFERENCE_LAYERS", tmp_path / "layers")
    assert find_evidence(load_reference()) is None
    found = find_evidence(copied)
    assert found is not None
    shutil.copytree(found.signal, tmp_path / "layers" / SIGNAL)
    shipped = find_evidence(load_reference())
    assert shipped is not None
    assert shipped.signal == tmp_path / "layers" / SIGNAL
    assert shipped.effect is None


def test_asking_about_layers_changes_nothing_else(tiny_run: Any) -> None:
    experiment = tiny_run.experiment
    asked = looking(experiment, Layers(images=16))
    assert is_about(asked, experiment)
    mixed = mixing(experiment, Mixed(keep=("stem",)), asked.layers)
    assert MIXED in mixed.variants
    assert mixed.layers == asked.layers
    assert is_about(mixed, experiment)
    assert not is_about(experiment, experiment)
    assert not is_about(replace(asked, seed=7), experiment)


def test_other_bits_leave_out_what_is_trained_from_those_before() -> None:
    experiment = Experiment(variants=("int8", "int4", "fitted_qat"))
    asked = fitting(experiment, Fitted(widths=("head=4",)))
    assert set(asked.variants) == {"float32", "int8", "int4", FITTED}
    assert asked.fitted == Fitted(widths=("head=4",))
