"""The table of settings without effect agrees with what plans really depend on."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from effq_core.base import hardware
from effq_core.base.errors import ExperimentError
from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment, Qat, QatLoss
from effq_core.experiment.fitted import Fitted
from effq_core.experiment.low_bits import LowBits
from effq_core.experiment.mixed import Layers, Mixed, Precision
from effq_core.models.catalogue import MODELS
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import LAST, fingerprints
from effq_core.pipeline.unused import RULES, refuse_unused

OTHER: dict[str, Any] = {
    "calibration.size": 60,
    "calibration.method": "moving_average",
    "calibration.percentile": 99.5,
    "qat.epochs": 3,
    "qat.learning_rate": 1e-4,
    "qat.batch_size": 16,
    "qat.loss": QatLoss.LABELS,
    "qat.validation_share": 0.2,
    "low_bits.rounding": "nearest",
    "low_bits.train_from": "block6a",
    "training_size": 77,
    "evaluation_size": 88,
    "image_size": 96,
    "threads": (1,),
    "benchmark_invocations": 150,
    "seed": 7,
    "layers.images": 33,
    "layers.budget_seconds": 44,
    "mixed.keep": ("block2a",),
    "mixed.precision": Precision.FLOAT32,
    "mixed.max_drop_points": 1.5,
    "mixed.max_extra_size": 44.0,
    "mixed.max_latency_ratio": 3.0,
    "mixed.budget_seconds": 55,
    "fitted.max_size": 3333,
    "fitted.max_slowdown": 1.25,
    "fitted.widths": ("block3a=4",),
    "fitted.budget_seconds": 66,
}
"""Another value of each setting a person can choose."""

NOT_CHOSEN = {"model", "dataset", "variants", "common_seed", "sitting", "files_of"}
"""Which model, photos and variants, or set by EffQ itself."""

MIN_MAX = Calibration(method="min_max")
EXPERIMENTS = {
    "float32": Experiment(variants=("float32",)),
    "float16": Experiment(variants=("float16", "dynamic_range")),
    "int8": Experiment(variants=("int8",)),
    "int8 by min-max": Experiment(variants=("int8",), calibration=MIN_MAX),
    "qat": Experiment(variants=("int8_qat",)),
    "few bits": Experiment(variants=("int4",)),
    "few bits, trained": Experiment(variants=("int4_qat",)),
    "qat's ranges": Experiment(variants=("int8_qat_untrained",)),
    "float control": Experiment(variants=("int8_float_control",)),
    "layers": Experiment(variants=("float32",), layers=Layers()),
    "mixed, looked for": Experiment(variants=("int8_mixed",)),
    "mixed, named": Experiment(variants=("int8_mixed",), mixed=Mixed(keep=("block1a",))),
    "int4": Experiment(variants=("int4",)),
    "fitted, looked for": Experiment(variants=("fitted",)),
    "fitted, named": Experiment(variants=("fitted",), fitted=Fitted(widths=("block2a=4",))),
}


@pytest.fixture(scope="module", params=["the model's classes", "classes of their own"])
def dataset(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Photos for which the model keeps its head, and for which it gets a new one."""
    if request.param != "the model's classes":
        return "photo_patches"
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for label in MODELS["efficientnetv2_b0_imagenette"].head_labels:
        (folder / label.name).mkdir()
        for number in range(3):
            pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label.name / f"{number}.png")
    return f"folder:{folder}"


def changed(experiment: Experiment, setting: str) -> Experiment:
    group, _, name = setting.rpartition(".")
    if not group:
        return replace(experiment, **{name: OTHER[setting]})
    return replace(
        experiment, **{group: replace(getattr(experiment, group), **{name: OTHER[setting]})}
    )


def made(experiment: Experiment, home: Home) -> set[str]:
    """Fingerprints of all that is made of an experiment; the report repeats the settings."""
    plan = build_plan(experiment, home)
    return {value for name, value in fingerprints(plan).items() if name != LAST}


@pytest.mark.parametrize("about", EXPERIMENTS)
def test_a_setting_has_an_effect_just_where_the_table_says_so(
    about: str, dataset: str, tmp_path: Path
) -> None:
    experiment, home = replace(EXPERIMENTS[about], dataset=dataset), Home(tmp_path)
    rules = {name: rule for name, rule in RULES.items() if name != "threads"}
    before = made(experiment, home)
    for setting in OTHER:
        group = setting.rpartition(".")[0]
        if group and getattr(experiment, group) is None:
            continue  # choosing it would ask for that part
        used = setting not in rules or rules[setting].used(experiment, home)
        if (about, setting) == ("int8 by min-max", "calibration.percentile"):
            used = True  # the plan hands it on, and the smallest and largest value ignore it
        assert (made(changed(experiment, setting), home) != before) is used, setting


def test_every_setting_is_looked_at() -> None:
    parts = {
        "calibration": Calibration,
        "qat": Qat,
        "low_bits": LowBits,
        "layers": Layers,
        "mixed": Mixed,
        "fitted": Fitted,
    }
    assert all(map(is_dataclass, parts.values()))
    names = {each.name for each in fields(Experiment)} - set(parts) - NOT_CHOSEN
    names |= {f"{part}.{each.name}" for part, kind in parts.items() for each in fields(kind)}
    assert names == set(OTHER)
    assert set(RULES) <= names


def test_all_that_has_no_effect_is_named_at_once_with_the_way_out(tmp_path: Path) -> None:
    experiment = Experiment(variants=("int8",), calibration=MIN_MAX)
    with pytest.raises(ExperimentError) as caught:
        refuse_unused(
            [experiment],
            Home(tmp_path),
            ["qat.epochs", "seed", "qat.loss", "calibration.percentile", "calibration.size"],
        )
    assert "--epochs and --loss: no effect, as no chosen variant is fine-tuned." in str(
        caught.value
    )
    assert "--percentile: no effect" in caught.value.message
    assert "--calibration-size" not in caught.value.message
    assert "Add int8_qat, or leave out --epochs and --loss." in caught.value.hint


def test_one_experiment_of_several_is_enough_to_use_a_setting(tmp_path: Path) -> None:
    several = [Experiment(variants=("int8",)), Experiment(variants=("int8",), calibration=MIN_MAX)]
    refuse_unused(several, Home(tmp_path), ["calibration.percentile"])
    with pytest.raises(ExperimentError):
        refuse_unused(several[1:], Home(tmp_path), ["calibration.percentile"])


def test_more_threads_than_the_machine_has_are_refused_but_a_clusters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cores = hardware.usable_cores()
    refuse_unused([Experiment(threads=(1, cores))], Home(tmp_path), ["threads"])
    many = [Experiment(threads=(1, cores + 1))]
    with pytest.raises(ExperimentError, match=f"only {cores} hardware thread"):
        refuse_unused(many, Home(tmp_path), ["threads"])
    monkeypatch.setenv("EFFQ_SCHEDULER", "tcp://127.0.0.1:1")
    refuse_unused(many, Home(tmp_path), ["threads"])
