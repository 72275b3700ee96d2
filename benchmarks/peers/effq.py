"""EffQ's own part of the comparison: its run, and the files and images it hands to the tools."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.job import Entry, Job
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.variants import BASELINE
from effq_core.models.catalogue import get_model
from effq_core.models.classes import match_classes
from effq_core.photos.catalogue import open_dataset
from effq_core.photos.index import ImageItem
from effq_core.photos.pixels import PIXELS_FILE, read_pixels
from effq_core.pipeline import engine
from effq_core.pipeline.driver import run_foreground
from effq_core.pipeline.plan import build_plan
from effq_core.pipeline.stage import fingerprints
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.manifest import FROZEN, MODEL_FILE
from effq_core.store.rows import Status

SETTINGS = {
    "float32": "float32",
    "int8": "int8 PTQ, percentile",
    "int8_qat": "int8 QAT",
    "int8_qat_untrained": "int8, QAT's ranges, untrained",
}
"""What EffQ's rows are called, in the order of the table."""


@dataclass(frozen=True)
class Prepared:
    """What EffQ has made.

    Attributes:
        job: For the other tools.
        entries: EffQ's own rows; the first is the baseline.
        keys: Which image each row of ``job.evaluation`` is.
        labels: Its class as the dataset counts, int64 ``(n,)``; ``None`` without labels.
        class_map: Model class of each dataset class; empty where they are the same.
    """

    job: Job
    entries: list[Entry]
    keys: list[str]
    labels: Any
    class_map: tuple[int, ...]


def prepare(experiment: Experiment, home: Home) -> Prepared:
    """Runs an experiment, or finds what earlier runs made of it.

    Args:
        experiment: Its variants become rows.
        home: The store.

    Returns:
        Files and images.
    """
    folders = _folders(experiment, home)
    labels, class_map = _classes(experiment, home)
    _, items = read_pixels(folders["pixels:evaluation"])
    job = Job(
        saved_model=str(folders["freeze"] / FROZEN),
        float32=str(folders[f"convert:{BASELINE}"] / MODEL_FILE),
        keras_model=str(folders["model"]),
        calibration=str(folders["pixels:calibration"] / PIXELS_FILE),
        evaluation=str(folders["pixels:evaluation"] / PIXELS_FILE),
        **_training(experiment, folders, class_map),
        seed=experiment.seed,
    )
    return Prepared(
        job=job,
        entries=[_entry(name, folders, experiment) for name in experiment.variants],
        keys=[item.key for item in items],
        labels=_labels(items) if labels else None,
        class_map=class_map,
    )


def _folders(experiment: Experiment, home: Home) -> dict[str, Path]:
    """Returns the artifact of each stage the comparison needs; runs the experiment if one lacks."""
    plan = build_plan(experiment, home)
    named = fingerprints(plan)
    needed = [
        spec for spec in plan if spec.name.split(":")[0] in ("model", "freeze", "pixels", "convert")
    ]
    store = ArtifactStore(home)
    if any(store.find(spec.kind, named[spec.name]) is None for spec in needed):
        _run(experiment, home)
    found = {spec.name: store.find(spec.kind, named[spec.name]) for spec in needed}
    missing = [name for name, artifact in found.items() if artifact is None]
    if missing:
        raise SystemExit(f"the run has not left {', '.join(missing)}: did its photos change?")
    return {name: artifact.path for name, artifact in found.items() if artifact is not None}


def _run(experiment: Experiment, home: Home) -> None:
    database = Database(home.database)
    try:
        run_id = database.create_run(experiment, "peers")
    finally:
        database.close()
    print(f"EffQ's run {run_id}: `effq show {run_id}` tells how far it is", flush=True)
    try:
        run = run_foreground(home, run_id)
    finally:
        engine.stop(home)
    if run.status is not Status.FINISHED:
        why = f": {run.error} {run.hint}" if run.error else ""
        raise SystemExit(f"EffQ's run {run_id} is {run.status}{why}")


def _classes(experiment: Experiment, home: Home) -> tuple[bool, tuple[int, ...]]:
    card, dataset = get_model(experiment.model, home), open_dataset(experiment.dataset, home)
    match = match_classes(card.head_labels, dataset.class_names, dataset.wnids)
    return bool(dataset.class_names), match.class_map


def _labels(items: list[ImageItem]) -> Any:
    return np.array([item.label for item in items], np.int64)


def _training(
    experiment: Experiment, folders: dict[str, Path], class_map: tuple[int, ...]
) -> dict[str, Any]:
    if not experiment.trains:
        return {}
    _, items = read_pixels(folders["pixels:training"])
    labels = _labels(items)
    model_labels = np.asarray(class_map)[labels] if class_map else labels
    return {
        "training": str(folders["pixels:training"] / PIXELS_FILE),
        "training_labels": model_labels.tolist(),
        "epochs": experiment.qat.epochs,
        "learning_rate": experiment.qat.learning_rate,
        "batch_size": experiment.qat.batch_size,
    }


def _entry(name: str, folders: dict[str, Path], experiment: Experiment) -> Entry:
    path = folders[f"convert:{name}"] / MODEL_FILE
    settings = SETTINGS[name]
    if name == "int8_qat":
        images = len(json.loads((folders["pixels:training"] / "items.json").read_text())["items"])
        settings += f", trained: {experiment.qat.epochs} epochs of {images:,} images"
    return Entry(
        id=f"effq_{name}", tool="EffQ", settings=settings, runtime="litert", files=[str(path)]
    )
