"""A store written before stages had ids: it is read, handed out, answered with and reused.

``old_store`` is a real run of a tiny model of somebody's own. Samples, checkpoints and kept tensors
are left out: they hold pixels, or are large.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from effq_core.base import hardware
from effq_core.base.settings import Home
from effq_core.deliver.export import export, predictions_rows
from effq_core.experiment import Experiment
from effq_core.photos import photo_patches
from effq_core.photos.decode import decode
from effq_core.photos.index import ImageItem
from effq_core.photos.photo_patches import PhotoPatches
from effq_core.pipeline import stage
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import fingerprints
from effq_core.predict.variant_answers import Predictor
from effq_core.results import Results, load_results
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.manifest import hash_file
from effq_core.store.repair import rebuild
from effq_core.store.rows import RunRow, Status

OLD = Path(__file__).with_name("old_store")
RUN = "20261128-063343-c3ba"
VARIANTS = ("float32", "int8", "int8_qat")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    shutil.copytree(OLD, tmp_path / "home")
    return Home(tmp_path / "home")


def run_of(home: Home) -> RunRow:
    database = Database(home.database)
    try:
        return database.get_run(RUN)
    finally:
        database.close()


def recorded(home: Home) -> dict[str, str]:
    """Fingerprints of the run's stages, as the index has them."""
    database = Database(home.database)
    try:
        return {row.name: row.fingerprint for row in database.stages(RUN)}
    finally:
        database.close()


@pytest.fixture
def results(home: Home) -> Results:
    return load_results(home, run_of(home))


@pytest.fixture
def as_then(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine and the libraries of that run."""
    manifests = (json.loads(path.read_text()) for path in OLD.glob("artifacts/*/*/manifest.json"))
    versions = {name: version for each in manifests for name, version in each["versions"].items()}
    assert {"tensorflow", "ai-edge-litert", "tensorflow-model-optimization"} < versions.keys()
    monkeypatch.setattr(
        stage, "library_versions", lambda names: {name: versions[name] for name in names}
    )
    monkeypatch.setattr(photo_patches, "version", lambda name: versions[name])
    monkeypatch.setattr(hardware, "describe", lambda: results.hardware)


def test_its_results_are_read(results: Results) -> None:
    assert tuple(results.variants) == VARIANTS
    assert results.variants["float32"].accuracy.n == 30
    assert results.variants["int8"].comparison is not None
    assert results.variants["int8_qat"].training is not None
    assert all(variant.gates and variant.latency for variant in results.variants.values())


def test_its_files_are_handed_out(results: Results, tmp_path: Path) -> None:
    written = export(results, tmp_path / "out")
    files = {hash_file(path) for path in written if path.suffix == ".tflite"}
    assert files == {variant.file.sha256 for variant in results.variants.values()}
    assert len(predictions_rows(results)) == 30


def test_its_files_answer_photos_as_they_were_measured(results: Results) -> None:
    predictor, photos = Predictor(results), PhotoPatches()
    old = {name: results.predictions(name) for name in results.variants}
    for row, key in enumerate(old["float32"].keys[:5]):
        photo = photos.open(ImageItem(key=key, label=None, split=None, sha256=""))
        answers = predictor.answer(decode(photo, results.image_input))
        assert [answer.variant for answer in answers] == list(VARIANTS)
        for answer in answers:
            told = old[answer.variant].probabilities[row]
            assert answer.guesses[0].index == np.argmax(told)
            assert answer.guesses[0].probability == pytest.approx(told.max(), abs=1e-4)


@pytest.mark.usefixtures("as_then")
def test_the_same_experiment_finds_all_that_was_made(home: Home) -> None:
    plan = build_plan(Experiment.from_dict(run_of(home).experiment), home)
    named = fingerprints(plan)
    assert named == recorded(home)
    store = ArtifactStore(home)
    kept = {spec.name for spec in plan if store.exists(spec.kind, named[spec.name])}
    made = {f"{what}:{name}" for name in VARIANTS for what in ("convert", "inspect", "evaluate")}
    assert kept >= made | {"model", "benchmark", "report"}


@pytest.mark.usefixtures("as_then")
def test_its_files_can_be_measured_on_other_photos(home: Home) -> None:
    experiment = Experiment.from_dict(run_of(home).experiment)
    plan = build_plan(replace(experiment, files_of=RUN, seed=7), home)
    made = recorded(home)
    taken = {spec.name: spec.pinned for spec in plan if spec.pinned}
    assert taken == {name: made[name] for name in ("model", *(f"convert:{v}" for v in VARIANTS))}
    assert not any(spec.kind in ("convert", "model") for spec in plan if not spec.pinned)


def test_its_index_is_rebuilt_from_what_lies_beside(home: Home) -> None:
    before = recorded(home)
    home.database.unlink()
    rebuild(home.database, ArtifactStore(home))
    assert run_of(home).status is Status.FINISHED
    assert recorded(home) == before
    assert tuple(load_results(home, run_of(home)).variants) == VARIANTS
