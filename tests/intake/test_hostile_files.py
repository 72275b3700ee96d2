"""Files that would run, write or read something are refused before they can."""

from __future__ import annotations

import json
import shutil
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.base.settings import Home
from effq_core.intake.files import read_file
from tests.intake.checked_files import refused
from tests.models.own_files import (
    SIDE,
    classifier,
    saved_model_zip,
    tiny_classifier,
    with_custom,
    with_lambda,
)


@pytest.mark.parametrize("major", [2, 3])
@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_lambda_layer_is_refused_before_anything_could_run_it(
    major: int, ending: str, home: Home, tmp_path: Path
) -> None:
    path = tmp_path / f"evil.{ending}"
    classifier(major, with_lambda).save(str(path))
    before = time.monotonic()
    assert "Lambda layer ('evil')" in refused(home, path)
    assert time.monotonic() - before < 4  # TensorFlow was not even imported


@pytest.mark.parametrize("major", [2, 3])
def test_a_custom_layer_is_refused_by_name(major: int, home: Home, tmp_path: Path) -> None:
    path = tmp_path / "custom.keras"
    classifier(major, with_custom).save(str(path))
    assert "Doubling" in refused(home, path)


def test_a_configuration_that_names_another_module_is_refused(home: Home, tmp_path: Path) -> None:
    good, bad = tiny_classifier(tmp_path), tmp_path / "bad.keras"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        config = json.loads(source.read("config.json"))
        config["config"]["layers"].append(
            {"module": "subprocess", "class_name": "Popen", "config": {"args": ["id"]}}
        )
        target.writestr("config.json", json.dumps(config))
        target.writestr("metadata.json", source.read("metadata.json"))
    assert "subprocess.Popen" in refused(home, bad)


def test_a_saved_model_that_would_write_a_file_is_refused_and_writes_none(
    home: Home, tmp_path: Path
) -> None:
    written = tmp_path / "owned.txt"
    assert "WriteFile" in refused(home, saved_model_zip(tmp_path, writes=written))
    assert not written.exists()


def test_a_saved_model_that_would_save_variables_anywhere_is_refused_before_it_answers(
    tmp_path: Path,
) -> None:
    from effq_core.intake.loading import load
    from effq_core.intake.trying import scores

    # In this process, whose rights nobody has taken away.
    file = read_file(saved_model_zip(tmp_path, saves=tmp_path / "owned"), tmp_path)
    with pytest.raises(ModelError, match="SaveV2"):
        scores(load(file, tmp_path, None).call, np.zeros((1, SIDE, SIDE, 3), np.uint8))
    assert not list(tmp_path.glob("owned*"))


def test_a_saved_model_is_not_restored_by_a_function_of_its_own(home: Home, tmp_path: Path) -> None:
    written = tmp_path / "owned"
    path = saved_model_zip(tmp_path, restores=written)
    for left in tmp_path.glob("owned*"):
        left.unlink()
    assert "function of its own" in refused(home, path)
    assert not list(tmp_path.glob("owned*"))


def test_no_part_of_a_saved_model_takes_the_name_of_what_restores_it(
    home: Home, tmp_path: Path
) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    saved_model_zip(tmp_path)
    graph = tmp_path / "sm" / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(graph.read_bytes())
    root = saved.meta_graphs[0].object_graph_def.nodes[0]
    next(c for c in root.children if c.local_name == "answer").local_name = "_restore_from_tensors"
    graph.write_bytes(saved.SerializeToString())
    path = Path(shutil.make_archive(str(tmp_path / "named"), "zip", tmp_path, "sm"))
    assert "function of its own" in refused(home, path)
