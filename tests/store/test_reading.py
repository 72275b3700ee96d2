"""Damaged artifacts become one error, whatever they are read with."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import StoreError
from effq_core.base.files import reading


@pytest.mark.parametrize(
    "read",
    [
        lambda path: path.with_name("gone").read_bytes(),
        lambda path: json.loads(path.read_text()),
        lambda path: np.load(path),
        lambda path: zipfile.ZipFile(path),
        lambda path: {"a": 1}["b"],
    ],
)
def test_whatever_is_wrong_says_what_where_and_what_to_do(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    path = tmp_path / "half"
    path.write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(StoreError) as caught, reading("The effects", tmp_path):
        read(path)
    assert str(caught.value).startswith(f"The effects in {tmp_path} cannot be read (")
    assert "effq doctor --repair" in caught.value.hint


def test_an_error_that_says_more_and_a_bug_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="format 2"), reading("The effects", tmp_path):
        raise StoreError("They have format 2.", "Update EffQ.")
    with pytest.raises(ZeroDivisionError), reading("The effects", tmp_path):
        _ = 1 / 0
