"""The zip: complete, exact, the same bytes each time, whole or not at all."""

from __future__ import annotations

import ast
import copy
import hashlib
import io
import stat
import sys
import zipfile
from pathlib import Path

import pytest

from effq_core.base.errors import InputError, StoreError
from effq_core.deliver.bundle import MEMBERS, bundle_bytes, bundle_name, write_bundle
from effq_core.devices import scripts
from effq_core.results import Results, load_reference

SCRIPTS = Path(scripts.__file__).parent


def test_the_zip_holds_one_folder_with_everything(tiny_run, unpacked: dict[str, Path]) -> None:
    for variant, folder in unpacked.items():
        assert {path.name for path in folder.iterdir()} == {f"{variant}.tflite", *MEMBERS}
        content = (folder / f"{variant}.tflite").read_bytes()
        file = tiny_run.results.variants[variant].file
        assert hashlib.sha256(content).hexdigest() == file.sha256
        labels = (folder / "labels.txt").read_text("utf-8").splitlines()
        assert labels == tiny_run.results.labels()
        for name in ("classify.py", "bench.py"):
            assert (folder / name).read_bytes() == (SCRIPTS / name).read_bytes()


def test_the_same_results_make_the_same_bytes(tiny_run) -> None:
    first = bundle_bytes(tiny_run.results, "int8", run="tiny")

    assert bundle_bytes(tiny_run.results, "int8", run="tiny") == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        modes = {Path(e.filename).name: e.external_attr >> 16 for e in archive.infolist()}
    assert stat.filemode(modes["bench.py"]) == "-rwxr-xr-x"
    assert stat.filemode(modes["int8.tflite"]) == "-rw-r--r--"


def test_the_versions_that_give_the_same_bits_are_pinned(tiny_run, unpacked) -> None:
    versions = tiny_run.results.versions
    text = (unpacked["int8"] / "requirements.txt").read_text("utf-8")

    assert text.splitlines() == [
        f"ai-edge-litert=={versions['ai-edge-litert']}",
        f"numpy=={versions['numpy']}",
        f"pillow=={versions['pillow']}",
    ]


def test_every_standard_variant_of_the_reference_run_can_be_taken() -> None:
    reference = load_reference()

    for variant in reference.with_files:
        with zipfile.ZipFile(io.BytesIO(bundle_bytes(reference, variant))) as archive:
            assert archive.testzip() is None
            [model] = [name for name in archive.namelist() if name.endswith(".tflite")]
            content = archive.read(model)
        assert hashlib.sha256(content).hexdigest() == reference.variants[variant].file.sha256
    with pytest.raises(InputError, match="only its measurements"):
        bundle_bytes(reference, "int8_float_control")


@pytest.mark.parametrize(
    ("script", "beside"), [("classify.py", {"numpy", "PIL"}), ("bench.py", {"numpy"})]
)
def test_the_programs_import_nothing_else(script: str, beside: set[str]) -> None:
    tree = ast.parse((SCRIPTS / script).read_text("utf-8"), feature_version=(3, 9))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module
            found.add(node.module.partition(".")[0])

    assert found - sys.stdlib_module_names == beside


def test_a_name_is_fit_for_every_file_system(tiny_run) -> None:
    plain = copy.deepcopy(tiny_run.results.plain)
    plain["model"]["model"] = "../my model: é"
    results = Results.from_dict(plain, tiny_run.results.folder)

    assert bundle_name(results, "int8") == "_my_model_-int8"
    assert bundle_name(tiny_run.results, "int8") == "efficientnetv2_b0_imagenette-int8"


def test_a_damaged_file_is_not_packed(tiny_run, tmp_path: Path, monkeypatch) -> None:
    damaged = tmp_path / "model.tflite"
    damaged.write_bytes(tiny_run.results.model_file("int8").read_bytes()[:-1] + b"x")
    monkeypatch.setattr(Results, "model_file", lambda self, name: damaged)

    with pytest.raises(StoreError, match="damaged"):
        write_bundle(tiny_run.results, "int8", tmp_path / "out" / "x.zip")
    assert not (tmp_path / "out").exists()


def test_targets_that_do_not_fit_are_refused_and_left_alone(tiny_run, tmp_path: Path) -> None:
    mine = tmp_path / "mine.zip"
    mine.write_text("keep")

    for target, reason in (
        (mine, "there already"),
        (tmp_path, "is a folder"),
        (tmp_path / "bundle.tar", "does not end in .zip"),
        (mine / "deeper.zip", None),
    ):
        error = InputError if reason else StoreError
        with pytest.raises(error, match=reason):
            write_bundle(tiny_run.results, "int8", target)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.zip"]
    assert mine.read_text() == "keep"

    write_bundle(tiny_run.results, "int8", mine, force=True)
    assert zipfile.is_zipfile(mine)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tiny_run, tmp_path: Path, monkeypatch
) -> None:
    mine = tmp_path / "mine.zip"
    mine.write_text("keep")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("effq_core.base.files.os.fsync", full)
    with pytest.raises(StoreError, match="no space"):
        write_bundle(tiny_run.results, "int8", mine, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.zip"]
    assert mine.read_text() == "keep"
