"""Fingerprints stay what they were: a store's artifacts are found again by later code.

``fingerprints.json`` was written by the code before stages had ids. Where a stage's result is meant
to change, its ``version`` is raised and the file written again: delete it and run this module.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effq_core.base import hardware
from effq_core.base.settings import Home
from effq_core.experiment import REFERENCE, Calibration, Experiment, Qat
from effq_core.experiment.mixed import Layers, Mixed
from effq_core.models.card import IMAGENETTE_WNIDS
from effq_core.models.own.card import CONTENT, own_folder, write_card
from effq_core.models.own.ready import MODEL_FILE, ready_folder
from effq_core.photos.photo_patches import PhotoPatches
from effq_core.pipeline import stage
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import fingerprints, in_parts
from tests.models.own_cards import CARD

GOLDEN = Path(__file__).with_name("fingerprints.json")
DIGITS = 16

FIVE = ("float32", "float16", "dynamic_range", "int8", "int8_qat")
ALL = Experiment(
    variants=(*FIVE, "int8_mixed", "int8_qat_untrained", "int8_float_control"),
    calibration=Calibration(size=20),
    qat=Qat(epochs=1),
    training_size=40,
    evaluation_size=30,
)
EXPERIMENTS = {
    "default": Experiment(variants=FIVE),
    "every variant": ALL,
    "min-max": replace(ALL, calibration=Calibration(size=20, method="min_max"), seed=7),
    "layers": replace(ALL, variants=("int8",), layers=Layers(images=20)),
    "suggested": replace(ALL, variants=("int8", "int8_mixed"), mixed=Mixed(), sitting=2),
    "suggested in time": replace(
        ALL, variants=("int8", "int8_mixed"), mixed=Mixed(max_latency_ratio=1.2), sitting=2
    ),
    "chosen blocks": replace(ALL, variants=("int8", "int8_mixed"), mixed=Mixed(keep=("block1a",))),
    "of a sweep": replace(ALL, variants=("int8", "int8_qat"), common_seed=5, image_size=96),
    "Lite0": replace(ALL, model="efficientnet_lite0_imagenet"),
    "Lite0 on Imagenette": replace(ALL, model="efficientnet_lite0_imagenet"),
    "Imagenette": ALL,
    "Imagenette, files of the reference run": Experiment(
        files_of=REFERENCE, variants=("float32", "int8", "int8_qat")
    ),
    "own model": replace(
        ALL, model="own:mine", variants=("int8", "int8_qat", "int8_float_control")
    ),
    "few bits": replace(ALL, variants=("int4_qat", "fitted_qat", "int2_qat", "dynamic_int4")),
    "own model, new head": replace(ALL, model="own:pets", variants=("float16",)),
    "own file": replace(ALL, model="own:mine", variants=("float16", "file_theirs")),
}


class Imagenette(PhotoPatches):
    """Photos whose classes are the model's, or some of ImageNet's."""

    class_names = IMAGENETTE_WNIDS
    wnids = IMAGENETTE_WNIDS


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A store with own models, on a machine and with libraries that never change."""
    machine = hardware.Hardware(
        cpu="any",
        architecture="any",
        logical_cores=2,
        physical_cores=2,
        memory_bytes=1,
        system="any",
        python="3",
    )
    monkeypatch.setattr(hardware, "describe", lambda: machine)
    monkeypatch.setattr(stage, "library_versions", lambda names: dict.fromkeys(names, "1"))
    monkeypatch.setattr(PhotoPatches, "state", lambda self: "as they were")
    made = Home(tmp_path / "home")
    classes = PhotoPatches().class_names
    _add(own_folder(made) / "mine", classes)
    _add(own_folder(made) / "pets", ("cat", "dog"))
    _add(ready_folder(made) / "theirs", classes, resize="stretch")
    (ready_folder(made) / "theirs" / MODEL_FILE).write_bytes(b"any")
    return made


def _add(folder: Path, classes: tuple[str, ...], **fields: Any) -> None:
    folder.mkdir(parents=True)
    labels = [[name, None] for name in classes]
    (folder / CONTENT[0]).write_bytes(b"any")
    write_card(folder, {**CARD, "title": folder.name, "labels": labels, **fields})


def named(
    experiment: Experiment, home: Home, dataset: PhotoPatches | None = None
) -> dict[str, str]:
    plan = in_parts(build_plan(experiment, home, dataset), set(), 2)
    return {name: digits[:DIGITS] for name, digits in fingerprints(plan).items()}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_stage_has_the_fingerprint_it_had(name: str, home: Home) -> None:
    photos = Imagenette() if "Imagenette" in name else PhotoPatches()
    found = named(EXPERIMENTS[name], home, photos)
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    if name not in golden:
        GOLDEN.write_text(json.dumps({**golden, name: found}, indent=1) + "\n")
        pytest.fail(f"{GOLDEN.name} had no fingerprints of {name!r}: they were written.")
    assert found == golden[name]
