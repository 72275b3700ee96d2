"""Options become experiments; wrong ones are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from effq_core.base.errors import DatasetError, ExperimentError
from effq_core.cli import choices
from effq_core.experiment import Experiment
from effq_core.experiment.variants import controls, standard
from effq_core.pipeline.presets import PRESETS


def _make(preset: str = "demo", **options: object) -> Experiment:
    return choices.make_experiment(preset, choices.given(options))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_without_options_is_itself(preset: str) -> None:
    nothing = {"seed": None, "model": None, "variant": [], "layers": False}

    assert _make(preset, **nothing) == PRESETS[preset]()


def test_options_override_a_preset_and_leave_the_rest() -> None:
    made = _make("paper", seed=7, calibration_size=20, epochs=1)
    paper = PRESETS["paper"]()

    assert (made.seed, made.calibration.size, made.qat.epochs) == (7, 20, 1)
    assert made.calibration.method == "min_max"
    assert made.model == paper.model
    assert made.qat.learning_rate == paper.qat.learning_rate


def test_all_images_can_be_asked_for() -> None:
    assert _make(evaluation_size="all").evaluation_size is None
    assert _make(evaluation_size="12").evaluation_size == 12
    assert _make().evaluation_size == 600


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (None, None),
        ([], None),
        (["int8"], ("int8",)),
        (["int8,float16", "int8"], ("float16", "int8")),
        (["int8-qat"], ("int8_qat",)),
        (["standard"], standard()),
        (["controls"], controls()),
        (["all"], (*standard(), *controls())),
        (["standard", "int8_float_control"], (*standard(), "int8_float_control")),
    ],
)
def test_variants_are_names_lists_and_groups(texts, expected) -> None:
    assert choices.parse_variants(texts) == expected


def test_threads_are_repeated_or_separated_by_commas() -> None:
    assert _make(threads=["1,2", "4"]).threads == (1, 2, 4)
    assert _make(threads=None).threads == (1, 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda: _make("quick"),
        lambda: _make(epochs=0),
        lambda: _make(calibration_size=5),
        lambda: choices.parse_variants(["int1"]),
        lambda: _make(threads=["two"]),
        lambda: _make(training_size="many"),
    ],
    ids=["preset", "epochs", "calibration", "variant", "threads", "size"],
)
def test_a_wrong_choice_names_the_right_ones(call) -> None:
    with pytest.raises(ExperimentError) as caught:
        call()
    assert caught.value.hint


def test_data_is_a_name_or_a_folder_made_absolute(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)

    assert choices.parse_data("imagenette") == "imagenette"
    assert choices.parse_data("photos") == f"folder:{tmp_path / 'photos'}"
    assert choices.parse_data(f"folder:{tmp_path / 'photos'}") == f"folder:{tmp_path / 'photos'}"
    assert choices.parse_data(None) is None
    lower = f"folder:{tmp_path / 'photos'}//one-level-down"
    assert choices.parse_data("photos", one_down=True) == choices.parse_data(lower) == lower
    for name in (None, "imagenette", "photos:mine"):
        with pytest.raises(DatasetError, match="for folders of photos"):
            choices.parse_data(name, one_down=True)
    with pytest.raises(DatasetError, match="does not exist"):
        choices.parse_data("nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match="is not a folder"):
        choices.parse_data("file")
