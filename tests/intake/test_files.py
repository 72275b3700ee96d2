"""A file that cannot be read as data is refused with what to save instead."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from effq_core.base.errors import ModelError
from effq_core.intake.files import read_file


def _keras(path: Path, config: str, more: str = "metadata.json") -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr(more, "{}")


def _damaged(path: Path) -> None:
    _keras(path, "{}")
    path.write_bytes(path.read_bytes().replace(b"PK\x01\x02", b"PK\x09\x09"))


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100)),
        _damaged,
        lambda path: _keras(path, "no JSON"),
        lambda path: _keras(path, "[]"),
        lambda path: _keras(path, "{}", "program.py"),
    ],
    ids=["h5", "zip", "no JSON", "no model", "something else"],
)
def test_who_cannot_use_a_file_is_told_to_save_a_keras_file(make, tmp_path: Path) -> None:
    path = tmp_path / "upload"
    make(path)
    with pytest.raises(ModelError) as refused:
        read_file(path, tmp_path)
    assert "model.save('model.keras')" in refused.value.hint
    assert str(tmp_path) not in refused.value.message + refused.value.hint
