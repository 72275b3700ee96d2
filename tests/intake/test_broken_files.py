"""Files that are damaged, strange or too large are refused with the reason."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from effq_core.base.settings import Home
from effq_core.intake import adding
from tests.intake.checked_files import refused
from tests.models.own_files import classifier, pooled, tiny_classifier


def _garbage(folder: Path) -> Path:
    path = folder / "a.keras"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    return path


def _broken_h5(folder: Path) -> Path:
    path = folder / "a.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + np.random.default_rng(0).bytes(5000))
    return path


def _truncated(folder: Path) -> Path:
    whole = tiny_classifier(folder)
    whole.write_bytes(whole.read_bytes()[:-500])
    return whole


def _damaged_weights(folder: Path) -> Path:
    path = folder / "damaged.keras"
    with zipfile.ZipFile(tiny_classifier(folder)) as source, zipfile.ZipFile(path, "w") as target:
        target.writestr("config.json", source.read("config.json"))
        target.writestr("metadata.json", source.read("metadata.json"))
        target.writestr("model.weights.h5", source.read("model.weights.h5")[:3000])
    return path


def _weights_only(folder: Path) -> Path:
    path = folder / "only.weights.h5"
    classifier().save_weights(str(path))
    return path


def _linked(folder: Path) -> Path:
    path = folder / "linked.h5"
    classifier().save(str(path))
    with h5py.File(path, "r+") as file:
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")
    return path


def _outside(folder: Path) -> Path:
    path = folder / "outside.h5"
    classifier().save(str(path))
    with h5py.File(path, "r+") as file:
        file.create_dataset("x", (10,), "u1", external=[("/etc/passwd", 0, 10)])
    return path


def _with_weights(path: Path, change: Callable[[h5py.File], None]) -> Path:
    """Changes the weights inside of a .keras file."""
    weights = path.with_name("weights.h5")
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    weights.write_bytes(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        change(file)
    with zipfile.ZipFile(path, "w") as target:
        for name, content in {**members, "model.weights.h5": weights.read_bytes()}.items():
            target.writestr(name, content)
    return path


def _stealing(major: int, folder: Path) -> Path:
    """A .keras file one of whose weights is the content of another file."""
    secret = folder / "id_rsa"
    secret.write_bytes(bytes(range(256)) * 4)

    def point_at_it(file: h5py.File) -> None:
        found: list[str] = []
        file.visititems(lambda name, each: found.append(name) if hasattr(each, "shape") else None)
        name = max(found, key=lambda each: file[each].size)
        shape, kind, size = file[name].shape, file[name].dtype, file[name].nbytes
        assert size <= 1024
        del file[name]
        file.create_dataset(name, shape, kind, external=[(str(secret), 0, size)])

    path = folder / "stealing.keras"
    classifier(major, pooled).save(str(path))
    return _with_weights(path, point_at_it)


def _stealing_2(folder: Path) -> Path:
    return _stealing(2, folder)


def _stealing_3(folder: Path) -> Path:
    return _stealing(3, folder)


def _linked_inside(folder: Path) -> Path:
    def link(file: h5py.File) -> None:
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")

    return _with_weights(tiny_classifier(folder), link)


def _second_weights(folder: Path) -> Path:
    path = tiny_classifier(folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("model.weights.h5.more", b"x")
    return path


def _strange_member(folder: Path) -> Path:
    path = tiny_classifier(folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../outside.py", "raise SystemExit")
    return path


def _photos(folder: Path) -> Path:
    path = folder / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.jpg", b"no model")
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_garbage, "neither a .keras nor an .h5"),
        (_broken_h5, "cannot be read"),
        (_truncated, "damaged"),
        (_damaged_weights, "weights cannot be read"),
        (_weights_only, "weights only"),
        (_linked, "has a link"),
        (_outside, "refers to another file"),
        (_stealing_2, "refers to another file"),
        (_stealing_3, "refers to another file"),
        (_linked_inside, "has a link"),
        (_second_weights, "unexpected: 'model.weights.h5.more'"),
        (_strange_member, "unexpected: '../../outside.py'"),
        (_photos, "no saved_model.pb"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_broken_or_strange_file_is_refused_with_its_reason(
    make: object, reason: str, home: Home, tmp_path: Path
) -> None:
    assert reason in refused(home, make(tmp_path))  # type: ignore[operator]


def test_a_file_larger_than_the_limit_is_not_read_to_its_end(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adding, "MAX_MIB", 0)
    assert "has more than" in refused(home, tiny_classifier(tmp_path))
