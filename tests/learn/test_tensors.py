from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from learn_data import some_tensors

from effq_core.base.errors import StoreError
from effq_core.learn.tensors import ARRAYS_FILE, INDEX_FILE, Tensors


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    some_tensors().save(tmp_path)
    return tmp_path


def test_what_was_written_is_read_again(folder: Path) -> None:
    before, after = some_tensors(), Tensors.load(folder)
    for old, new in zip(before.layers, after.layers, strict=True):
        assert (new.name, new.kind, new.shape, new.is_whole) == (
            old.name,
            old.kind,
            old.shape,
            True,
        )
        for name in ("channels", "low", "high"):
            assert np.array_equal(getattr(new, name), getattr(old, name))
        # Half precision of the largest weight: far below the steps of 8 bits.
        assert np.abs(new.values - old.values).max() <= np.abs(old.values).max() / 2048
    for old, new in zip(before.activations, after.activations, strict=True):
        assert (new.name, new.kind, new.shape) == (old.name, old.kind, old.shape)
        assert (new.stops, new.limit) == (old.stops, old.limit)
        for name in ("minima", "maxima", "histograms", "edges", "photos"):
            assert np.array_equal(getattr(new, name), getattr(old, name)), name


def test_counts_that_shrink_by_a_rounding_survive(tmp_path: Path) -> None:
    # The last histogram comes from other kernels than the ones before it.
    tensors = some_tensors()
    tensors.activations[0].histograms[-1, 900] = 0
    tensors.activations[0].histograms[-2, 900] = 1
    tensors.save(tmp_path)
    read = Tensors.load(tmp_path).activations[0].histograms
    assert np.array_equal(read, tensors.activations[0].histograms)


def test_tensors_without_activations_are_whole(tmp_path: Path) -> None:
    Tensors(some_tensors().layers, ()).save(tmp_path)
    assert Tensors.load(tmp_path).activations == ()


@pytest.mark.parametrize("file", [ARRAYS_FILE, INDEX_FILE])
def test_a_missing_or_cut_file_is_said_with_what_to_do(folder: Path, file: str) -> None:
    path = folder / file
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match="cannot be read") as caught:
        Tensors.load(folder)
    assert "run the experiment again" in caught.value.hint
    path.unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        Tensors.load(folder)


def test_another_format_is_refused(folder: Path) -> None:
    index = json.loads((folder / INDEX_FILE).read_text())
    (folder / INDEX_FILE).write_text(json.dumps({**index, "format": 2}))
    with pytest.raises(StoreError, match="have format 2"):
        Tensors.load(folder)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("low_0", lambda a: a[:-1]),
        ("low_0", lambda a: a + 100),
        ("channels_0", lambda a: a[::-1]),
        ("channels_0", lambda a: a + 1),
        ("weights_0", lambda a: a[:, :0]),
        ("weights_0", lambda a: a * np.float16(np.nan)),
        ("minima_1", lambda a: a[:-1]),
        ("minima_1", lambda a: a + 1000),
        ("added_1", lambda a: a * 0),
        ("added_1", lambda a: a[:-1]),
        ("edges_1", lambda a: a[::-1]),
        ("photos_1", lambda a: a[:, :-1]),
    ],
)
def test_parts_that_do_not_fit_are_refused(folder: Path, name: str, change: object) -> None:
    with np.load(folder / ARRAYS_FILE) as stored:
        arrays = dict(stored)
    arrays[name] = change(arrays[name])  # type: ignore[operator]
    np.savez(folder / ARRAYS_FILE, **arrays)
    with pytest.raises(StoreError, match="cannot be read"):
        Tensors.load(folder)
