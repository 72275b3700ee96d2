"""Models, datasets, exports, predictions and the doctor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from effq_core.base.errors import DownloadError
from effq_core.care import checkup
from effq_core.models.catalogue import MODELS
from effq_core.store.database import Database
from tests.results.run_variations import SHIPPED


@pytest.fixture
def coffee(tmp_path: Path) -> Path:
    path = tmp_path / "coffee [1].jpg"
    Image.fromarray(data.coffee()).save(path)
    return path


def test_models_and_datasets_are_listed(effq, home) -> None:
    models = json.loads(effq("models", "--json").stdout)
    datasets = json.loads(effq("datasets", "--json").stdout)

    assert [model["id"] for model in models] == list(MODELS)
    assert {row["id"]: row["is_present"] for row in datasets} == {
        "photo_patches": True,
        "imagenette": False,
    }
    for name in MODELS:
        assert name in effq("models").stdout
    assert "13,394 photos" in " ".join(effq("datasets").stdout.split())


def test_a_download_reports_and_fails_with_a_message(effq, home, monkeypatch) -> None:
    from effq_core.photos import catalogue

    def fetch(dataset: str, home, reporter) -> None:
        reporter.check_cancelled()
        reporter.progress(10, 94_000_000, "bytes")
        reporter.progress(10, 20)
        reporter.event("retry", reason="no [answer]")
        if dataset != "imagenette":
            raise DownloadError("No network.", "Try later.")

    monkeypatch.setattr(catalogue, "download_dataset", fetch)

    assert "effq run --data imagenette" in effq("datasets", "download", "imagenette").stdout
    failed = effq("datasets", "download", "other")
    assert failed.exit_code == 1
    assert "No network." in failed.stderr and "no [answer]" in failed.stderr


def test_a_dataset_that_does_not_exist_is_wrong_input(effq, home) -> None:
    assert effq("datasets", "download", "imagenet21k").exit_code == 2
    quiet = effq("datasets", "download", "photo_patches", "--quiet")
    assert quiet.exit_code == 0 and quiet.stderr == ""


def test_export_writes_and_refuses_to_overwrite(effq, tiny_home, tmp_path: Path) -> None:
    target = tmp_path / "out"

    answer = effq("export", "latest", "--to", target)
    assert answer.exit_code == 0, answer.stderr
    assert (target / "int8_qat.tflite").is_file() and "int8_qat.tflite" in answer.stdout
    assert effq("export", "latest", "--to", target).exit_code == 2
    told = json.loads(effq("export", "latest", "--to", target, "--force", "--json").stdout)
    assert told["folder"] == str(target)
    assert sorted(told["files"]) == sorted(path.name for path in target.iterdir())


def test_predict_names_a_broken_photo_and_answers_for_the_others(
    effq, tiny_home, coffee: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(coffee.read_bytes()[:300])

    answer = effq("predict", broken, coffee, tmp_path / "gone.jpg", "--run", "tiny", "--top", 2)

    assert answer.exit_code == 1
    assert "broken.jpg" in answer.stderr and "gone.jpg" in answer.stderr
    assert str(coffee) in answer.stdout
    assert answer.stdout.count("coffee ") >= 6
    assert "baseline" in answer.stdout and " ms" in answer.stdout


def test_predict_as_json(effq, tiny_home, coffee: Path) -> None:
    arguments = ["--variant", "int8,float32", "--top", 1, "--json"]
    [told] = json.loads(effq("predict", coffee, *arguments).stdout)

    assert told["image"] == str(coffee)
    assert [answer["variant"] for answer in told["answers"]] == ["float32", "int8"]
    assert told["answers"][0]["guesses"][0]["label"] == "coffee"
    assert told["answers"][0]["agrees"] is None


def test_the_reference_run_answers_and_is_exported_with_no_run_of_ones_own(
    effq, home, coffee: Path, tmp_path: Path
) -> None:
    [told] = json.loads(effq("predict", coffee, "--run", "reference", "--json").stdout)
    assert [answer["variant"] for answer in told["answers"]] == [*SHIPPED]
    assert effq("predict", coffee, "--run", "reference", "--variant", "all").exit_code == 0
    refused = effq("predict", coffee, "--run", "reference", "--variant", "int8_float_control")
    assert refused.exit_code == 2 and "only its measurements" in " ".join(refused.stderr.split())

    exported = effq("export", "reference", "--to", tmp_path / "out")

    assert exported.exit_code == 0, exported.stderr
    written = {path.name for path in (tmp_path / "out").glob("*.tflite")}
    assert written == {f"{name}.tflite" for name in SHIPPED}
    readme = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "int8 float control was measured; its file is not included." in readme


def test_predict_asks_only_variants_of_the_run(effq, tiny_home, coffee: Path) -> None:
    assert effq("predict", coffee, "--variant", "int8_float_control").exit_code == 2
    everything = json.loads(effq("predict", coffee, "--variant", "all", "--json").stdout)
    assert len(everything[0]["answers"]) == 6


def test_the_doctor_finds_a_sound_store(effq, tiny_home) -> None:
    told = json.loads(effq("doctor", "--offline", "--json").stdout)

    assert told["ok"] is True and told["repair"] is None
    by_name = {check["name"]: check for check in told["checks"]}
    assert "1 run," in by_name["contents"]["found"]
    assert by_name["engine"]["found"].startswith("not running")
    text = effq("doctor", "--offline").stdout
    assert str(tiny_home.root) in text and "tensorflow 2" in text


def test_the_doctor_names_a_store_that_cannot_be_used(effq, tmp_path, monkeypatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EFFQ_HOME", str(tmp_path / "file"))

    answer = effq("doctor", "--offline")

    assert answer.exit_code == 1
    assert "Set EFFQ_HOME to a folder" in answer.stdout


def test_the_doctor_repairs_a_damaged_index(effq, tiny_home, tiny_run) -> None:
    for path in tiny_home.root.glob("effq.sqlite3*"):
        path.unlink()
    tiny_home.database.write_bytes(b"not a database, and long enough to be noticed as such" * 99)
    assert effq("doctor", "--offline").exit_code == 1

    answer = effq("doctor", "--offline", "--repair")

    assert answer.exit_code == 0, answer.stdout
    assert "damaged index is kept" in answer.stdout
    database = Database(tiny_home.database)
    assert [run.id for run in database.list_runs()] == [tiny_run.run.id]
    database.close()


def test_the_doctor_is_not_troubled_by_a_missing_network(home, monkeypatch) -> None:
    monkeypatch.setattr(checkup, "_unreachable", lambda address: "does not answer")

    checks = [check for check in checkup.examine(home) if check.name == "network"]

    assert len(checks) == 2
    assert {check.state for check in checks} == {checkup.State.NOTE}


def test_the_doctor_looks_for_an_external_scheduler(home, monkeypatch) -> None:
    monkeypatch.setenv("EFFQ_SCHEDULER", "tcp://127.0.0.1:1")

    [check] = [c for c in checkup.examine(home, network=False) if c.name == "engine"]

    assert check.state is checkup.State.FAILED and "EFFQ_SCHEDULER" in check.hint


def test_the_doctor_names_libraries_that_are_missing_or_of_another_version(monkeypatch) -> None:
    monkeypatch.setattr(checkup, "_required", lambda: {"numpy": "1.0", "no-such-library": "1.0"})

    found = {check.found: check.state for check in checkup._versions()[1:]}

    assert found["no-such-library is missing"] is checkup.State.FAILED
    assert any(text.startswith("numpy is ") for text in found)


def test_weights_that_are_not_the_published_ones_are_refused(effq, tmp_path) -> None:
    wrong = tmp_path / "weights.h5"
    wrong.write_bytes(b"not weights")

    refused = effq("models", "import", "efficientnetv2_b0_imagenet", str(wrong))

    assert refused.exit_code == 2
    assert str(wrong.name) in refused.stderr


def test_importing_weights_of_a_bundled_model_says_that_it_is_bundled(effq, tmp_path) -> None:
    refused = effq("models", "import", "efficientnet_lite0_imagenet", str(tmp_path / "x.h5"))

    assert refused.exit_code == 2
    assert "bundled" in refused.stderr
