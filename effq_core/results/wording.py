"""What stages and events of a run are called when people read them."""

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.models.catalogue import MODELS
from effq_core.photos.roots import FOLDER_PREFIX, folder_of_id, folder_title
from effq_core.store.rows import RunRow, StageRow, StageState, Status

_DATASETS = {"photo_patches": "Photo patches", "imagenette": "Imagenette"}

_STATES = {StageState.PENDING: "Waiting", StageState.REUSED: "Cached"}
_WAITING = {Status.QUEUED: "Starting", Status.RUNNING: "Planning"}


def model_title(model_id: str) -> str:
    """Names a model for people; the identifier itself where it is not known."""
    if model_id.startswith("own:"):
        return model_id.removeprefix("own:").replace("_", " ")
    return MODELS[model_id].title if model_id in MODELS else model_id


def dataset_title(dataset_id: str) -> str:
    """Names a dataset for people, a folder by its own name only."""
    known = _DATASETS.get(dataset_id)
    if known is None and dataset_id.startswith(FOLDER_PREFIX):
        path, one_down = folder_of_id(dataset_id)
        return folder_title(path, one_down=one_down)
    return known or PurePath(dataset_id.partition(":")[2] or dataset_id).name or dataset_id


def run_title(run: RunRow) -> str:
    """Names a run: what its owner calls it, or model and photos; with the time it was asked for."""
    return f"{run_subject(run)} · {fmt.moment(run.created)}"


def run_subject(run: RunRow) -> str:
    """Says what a run is about: what its owner calls it, or model and photos."""
    chosen = run.experiment
    return run.name or (
        f"{model_title(str(chosen.get('model', '')))}, "
        f"{dataset_title(str(chosen.get('dataset', '')))}"
    )


def status_title(status: Status) -> str:
    """Names a run's status for people."""
    return status.value.capitalize()


def state_title(state: StageState) -> str:
    """Names a stage's state for people."""
    return _STATES.get(state, state.value.capitalize())


def waiting_text(status: Status) -> str:
    """Says what a run that has no stages yet is doing."""
    return _WAITING.get(status, status_title(status))


def queue_text(place: int, ahead: RunRow) -> str:
    """Says where a run stands among those that wait, from 1, and which run is before it."""
    name = f" “{ahead.name}”" if ahead.name else ""
    return f"{fmt.ordinal(place)} in the queue: waiting for run {ahead.id}{name} to finish"


def amount_text(stage: StageRow) -> str:
    """Says how far a running stage is; empty where it does not count."""
    if not stage.total:
        return ""
    if stage.unit == "bytes":
        return f"{fmt.size(stage.done)} of {fmt.size(stage.total)}"
    unit = f" {stage.unit}" if stage.unit else ""
    return f"{fmt.count(stage.done)} of {fmt.count(stage.total)}{unit}"


def event_text(kind: str, values: Mapping[str, Any]) -> str | None:
    """Says what an event is about in one line; ``None`` where people need not read it."""
    return _EVENTS[kind](values) if kind in _EVENTS else None


def is_trouble(kind: str) -> bool:
    """Returns whether an event tells of something that did not go as it should."""
    return kind in ("warning", "skipped", "retry", "worker_lost", "bug")


def _epoch(values: Mapping[str, Any]) -> str:
    held_out = fmt.counted(int(values.get("n") or 0), "held-out photo")
    validation = (
        f"validation loss {fmt.plain(values.get('validation_loss'))}, "
        f"top-1 {fmt.percent(values.get('validation_top1'))} of {held_out}"
    )
    if not values.get("epoch"):
        return f"Before training: {validation}"
    return f"Epoch {values['epoch']}: loss {fmt.plain(values.get('loss'))}, {validation}"


def _quiet_wait(values: Mapping[str, Any]) -> str:
    limit = fmt.duration(values.get("seconds"))
    return (
        f"Waiting for a quiet CPU to time fairly, {limit} at most. `effq time-now` with the "
        "run's id does not wait."
    )


def _timed_again(values: Mapping[str, Any]) -> str:
    files = fmt.counted(len(values.get("files", ())), "file")
    return f"Other programs were busy while {files} were timed: timing again."


_EVENTS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "epoch": _epoch,
    "warning": lambda values: f"Warning: {values.get('message', '')}",
    "skipped": lambda values: f"Skipped: {values.get('reason') or values.get('key', '')}",
    "resumed": lambda values: f"Resumed after epoch {values.get('epoch')}.",
    "quiet_wait": _quiet_wait,
    "timed_again": _timed_again,
    "retry": lambda values: f"Trying the download again: {values.get('reason', '')}",
    "unpacking": lambda values: f"Unpacking {values.get('file', '')}",
    "sweep_run": lambda values: f"Finished: {values.get('label') or values.get('run')}",
    "worker_lost": lambda values: (
        f"The worker was lost and the stage starts again: {values.get('reason', '')}"
    ),
    "bug": lambda values: f"Bug {values.get('id')}: {values.get('type')}",
}
