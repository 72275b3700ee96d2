"""The plan that measures an earlier run's files on other photos, under their fingerprints."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from effq_core.base.errors import ExperimentError
from effq_core.base.settings import REFERENCE_RUN, Home
from effq_core.experiment import REFERENCE, Experiment
from effq_core.experiment.variants import is_ready
from effq_core.models.card import Label
from effq_core.models.catalogue import get_model, read_labels
from effq_core.models.classes import ClassMatch, HeadNote, HeadUse, match_classes, new_head_note
from effq_core.photos.image_input import ImageInput
from effq_core.photos.index import Dataset
from effq_core.pipeline.plan_measuring import MeasuringPlanner
from effq_core.pipeline.registry import get_stage
from effq_core.pipeline.stage import Plan, StageList, StageSpec
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.rows import StageRow

_TAKEN = ("model", "convert", "pixels", "finetune", "ranges")
_MEASURED_ON = "pixels:evaluation"


@dataclass(frozen=True)
class _Source:
    stages: tuple[StageSpec, ...]
    labels: tuple[Label, ...]
    entry: ImageInput


class FilesPlanner(MeasuringPlanner):
    """Plans measuring a run's files; ExperimentError if they are gone or the classes differ."""

    def __init__(self, experiment: Experiment, home: Home, dataset: Dataset | None) -> None:
        super().__init__(experiment, home, get_model(experiment.model, home), dataset)
        self._source = _source(experiment, home)
        self.entry = self._source.entry
        self.match = _match(self._source.labels, self.dataset)
        self.head_note = HeadNote()

    @property
    def output_labels(self) -> Sequence[Label]:
        """Labels of the outputs of the run's files."""
        return self._source.labels

    def plan(self) -> Plan:
        """Returns the stages, ending in ``report``."""
        self._index()
        self._evaluation()
        self.stages += self._source.stages
        self._lookalikes()
        made = {spec.name for spec in self.stages}
        for variant in self.variants:
            if is_ready(variant.name):
                variant.plan(self, variant)
            elif f"convert:{variant.name}" not in made:
                raise _no_file(self.experiment, variant.title)
        self._measurements()
        self._report()
        return Plan(self.stages)


def _match(labels: Sequence[Label], dataset: Dataset) -> ClassMatch:
    match = match_classes(labels, dataset.class_names, dataset.wnids)
    if match.use is not HeadUse.NEW:
        return match
    note = new_head_note(labels, tuple(dataset.class_names), tuple(dataset.wnids))
    raise ExperimentError(
        f"These photos cannot be measured with the run's files. {note.reason}",
        "Choose photos whose folders are named like the run's classes, or photos without labels; "
        "`effq run` gives the model a new head for other classes.",
    )


def _source(experiment: Experiment, home: Home) -> _Source:
    if experiment.files_of == REFERENCE:
        return _reference(experiment)
    store = ArtifactStore(home)
    with Database(home.database) as database:
        rows = [row for row in _stages(database, str(experiment.files_of)) if row.kind in _TAKEN]
    # A part of the evaluation sample may have another side: that of an added file.
    rows = [row for row in rows if not row.name.startswith(_MEASURED_ON)]
    there = {row.name: found for row in rows if (found := store.find(row.kind, row.fingerprint))}
    if "model" not in there:
        raise _no_file(experiment, "The float model")
    model, gone = there["model"], get_stage("kept:gone")
    brought = set(filter(is_ready, experiment.variants))
    taken = [
        StageSpec(name=r.name, stage=replace(gone, kind=r.kind), weight=0.0, pinned=r.fingerprint)
        for r in rows
        # What was added is taken from where it is kept.
        if r.name in there and r.name.partition(":")[2] not in brought
    ]
    entry = ImageInput.from_plain(model.summary)
    return _Source(stages=tuple(taken), labels=read_labels(model.path), entry=entry)


def _stages(database: Database, run_id: str) -> list[StageRow]:
    """Returns a run's stages; of one that was deleted, those a run that measured its files kept."""
    found = database.stages(run_id)
    heirs = (run for run in database.list_runs() if run.experiment.get("files_of") == run_id)
    return found or next((rows for run in heirs if (rows := database.stages(run.id))), [])


def _reference(experiment: Experiment) -> _Source:
    results = json.loads((REFERENCE_RUN / "results.json").read_bytes())
    stages = StageList()
    stages.add("model", "kept:reference_model", params={"model": results["model"]}, weight=0.1)
    for name in experiment.variants:
        values: dict[str, Any] = results["variants"].get(name, {})
        if not values.get("artifact"):
            continue
        sha256 = values["file"]["sha256"]
        told = {"sha256": sha256, "folder": values["artifact"], "told": values["conversion"]}
        stages.add(f"convert:{name}", "kept:reference_file", params=told, weight=0.2)
        if values["training"]:
            told = {"told": values["training"]}
            stages.add(f"finetune:{name}", "kept:reference_training", params=told, weight=0.1)
    labels = get_model(results["experiment"]["model"]).head_labels
    entry = ImageInput.from_plain(results["model"])
    return _Source(stages=tuple(stages.stages), labels=tuple(labels), entry=entry)


def _no_file(experiment: Experiment, what: str) -> ExperimentError:
    run = experiment.files_of
    hint = f"Choose variants whose files there are (`effq show {run}`), or run it again."
    return ExperimentError(f"{what} of the run {run} is not on this machine.", hint)
