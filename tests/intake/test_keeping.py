"""Keeping what a check has made: whole or not at all, and never instead of what was there."""

from __future__ import annotations

from pathlib import Path

import pytest

from effq_core.base.errors import ModelError, StoreError
from effq_core.base.settings import Home
from effq_core.care.own_content import look_through
from effq_core.intake.adding import Checked, Offer
from effq_core.intake.keeping import keep
from effq_core.intake.sandbox import CHECKING
from effq_core.intake.steps import OUT
from effq_core.models.class_names import parse_labels
from effq_core.models.own.card import (
    GRAPH_FILE,
    Preprocessing,
    get_own,
    own_folder,
    own_models,
    remove_own_model,
)
from effq_core.models.own.ready import (
    MODEL_FILE,
    get_ready,
    ready_files,
    ready_folder,
    remove_ready,
)

OFFER = Offer("m.keras", parse_labels("cat\ndog"), Preprocessing.INSIDE)
REPORT = {
    "image_size": 48,
    "classes": 2,
    "parameters": 10,
    "file_sha256": "0" * 64,
    "file_bytes": 10,
    "file_format": "Keras 3.1 (.keras)",
    "qat_problems": [],
    "head_problem": "",
    "int8_problem": "",
    "notes": [],
    "enforced": [],
    "answers": [],
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def checked(home: Home, files: dict[str, bytes]) -> Checked:
    folder = own_folder(home) / CHECKING / "1234"
    (folder / OUT).mkdir(parents=True)
    for name, content in files.items():
        (folder / OUT / name).write_bytes(content)
    return Checked(folder=folder, offer=OFFER, steps=(), report=REPORT)


@pytest.mark.parametrize("left", [{}, {"flat.json": b"{}"}, {"weights.npz": b"x"}])
def test_a_check_whose_result_is_gone_is_not_kept(home: Home, left: dict[str, bytes]) -> None:
    with pytest.raises(ModelError, match="result is gone") as refused:
        keep(home, checked(home, left), "Mine")
    assert refused.value.hint == "Check the file again."
    assert not (own_folder(home) / "mine").exists()


def test_a_result_that_goes_keeps_the_model_it_was_to_replace(home: Home) -> None:
    old = keep(home, checked(home, {GRAPH_FILE: b"old"}), "Mine")
    with pytest.raises(ModelError, match="result is gone"):
        keep(home, checked(home, {}), "Mine", replace=True)
    assert own_models(home) == (old,)


def test_a_replacement_that_fails_keeps_the_old_model(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = keep(home, checked(home, {GRAPH_FILE: b"old"}), "Mine")
    rename = Path.rename

    def no_space(path: Path, target: Path) -> Path:
        if path.name == "draft":
            raise OSError(28, "No space left on device")
        return rename(path, target)

    found = checked(home, {GRAPH_FILE: b"new"})
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", no_space)
        with pytest.raises(StoreError):
            keep(home, found, "Mine", replace=True)
    assert own_models(home) == (old,)
    assert keep(home, found, "Mine", replace=True) != old  # and can be tried again
    assert (own_folder(home) / "mine" / GRAPH_FILE).read_bytes() == b"new"


class Killed(BaseException):
    """What a process does not outlive."""


def test_a_process_killed_while_it_replaces_loses_no_model(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = keep(home, checked(home, {GRAPH_FILE: b"old"}), "Mine")
    rename = Path.rename

    def killed(path: Path, target: Path) -> Path:
        if path.name == "draft":
            raise Killed
        return rename(path, target)

    found = checked(home, {GRAPH_FILE: b"new"})
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)
        with pytest.raises(Killed):
            keep(home, found, "Mine", replace=True)
    with pytest.raises(ModelError, match="already"):  # the next one to keep puts it back
        keep(home, found, "Mine")
    assert own_models(home) == (old,)
    assert [path.name for path in own_folder(home).iterdir() if path.name != CHECKING] == ["mine"]


def test_a_model_of_which_only_the_card_is_left_is_none(home: Home) -> None:
    keep(home, checked(home, {GRAPH_FILE: b"graph"}), "Mine")
    (own_folder(home) / "mine" / GRAPH_FILE).unlink()
    assert own_models(home) == ()
    with pytest.raises(StoreError, match="only a card"):
        get_own("own:mine", home)
    (problem,) = look_through(home, hashes=False).problems
    assert "effq models remove own:mine" in problem
    remove_own_model("own:mine", home)
    assert look_through(home).problems == ()


def test_a_ready_file_of_which_only_the_card_is_left_is_none(home: Home) -> None:
    keep(home, checked(home, {MODEL_FILE: b"tflite"}), "Theirs")
    (ready_folder(home) / "theirs" / MODEL_FILE).unlink()
    assert ready_files(home) == ()
    with pytest.raises(StoreError, match="only a card"):
        get_ready("file_theirs", home)
    (problem,) = look_through(home, hashes=False).problems
    assert "effq models remove file_theirs" in problem
    remove_ready("file_theirs", home)
    assert look_through(home).problems == ()
