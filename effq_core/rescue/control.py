"""Asking for a rescue, stopping it and taking it up again, from any process."""

import time
from dataclasses import dataclass, replace

from effq_core.base.errors import DatasetError, InputError
from effq_core.base.files import remove_tree
from effq_core.base.locks import FileLock
from effq_core.base.run_ids import new_run_id
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.jobs.limits import refuse_more
from effq_core.photos import imagenette
from effq_core.pipeline.control import request_cancel as cancel_run
from effq_core.pipeline.fitting import fit
from effq_core.pipeline.plan import build_plan
from effq_core.rescue.remedies import as_it_is
from effq_core.rescue.request import Rescue
from effq_core.rescue.story import KIND, Story, files_of, load, save, stories
from effq_core.results import find_run, load_reference
from effq_core.results.wording import run_title
from effq_core.store.database import Database
from effq_core.store.rows import Status

MOST_ACTIVE = 4  # rescues of a store that may go on at a time: each keeps a run in the queue


def enter(home: Home, rescue: Rescue, subject: str = "") -> Story:
    """Writes a new story down; BusyError if :data:`MOST_ACTIVE` rescues go on already."""
    build_plan(as_it_is(rescue.experiment), home)
    with FileLock(home.root / ".entering_rescue"):
        active = sum(story.status.is_active for story in stories(home))
        hint = "Wait for one to end, or cancel one."
        refuse_more(active, MOST_ACTIVE, "rescues are going on", hint)
        now = time.time()
        story = Story(id=new_run_id(now), rescue=rescue, created=now, subject=subject)
        save(home, story)
    return story


def start_detached(home: Home, story_id: str) -> int:
    """Starts a process of its own that works on a rescue and outlives this one; returns its pid."""
    files = files_of(home, story_id)
    load(home, story_id)  # says if there is none, before a folder is made
    with FileLock(files.starting):
        story = load(home, story_id)
        if story.status.is_active and story.pid is not None:
            raise InputError(f"The rescue {story_id} is already running.", "Wait, or cancel it.")
        process = files.start(home, KIND, story_id)
        # Until it says so itself, so that one that dies at birth is noticed.
        save(home, replace(story, status=Status.QUEUED, pid=process.pid, token=process.token))
    return process.pid


def resume(home: Home, story_id: str) -> int:
    """Takes a stopped rescue up again in a process of its own: what was measured is kept."""
    prepare_again(home, story_id)
    return start_detached(home, story_id)


def prepare_again(home: Home, story_id: str) -> None:
    """Makes a rescue that was stopped ready to go on."""
    if load(home, story_id).status.is_active:
        raise InputError(f"The rescue {story_id} is already running.", "Wait, or cancel it.")
    files_of(home, story_id).forget_cancel()


def delete(home: Home, story_id: str) -> None:
    """Deletes a rescue's story; the runs it made are runs like any others and stay."""
    files = files_of(home, story_id)
    lock = FileLock(files.lock)
    if load(home, story_id).status.is_active or not lock.try_acquire():
        raise InputError(f"The rescue {story_id} is running.", "Cancel it first.")
    with lock:
        remove_tree(files.folder)


def request_cancel(home: Home, story_id: str) -> Story:
    """Asks a rescue to stop; it does within some seconds."""
    story = load(home, story_id)
    if not story.status.is_active:
        return story
    files_of(home, story_id).ask_to_stop()
    if story.pid is None:  # nobody is there to answer
        story = replace(story, status=Status.CANCELLED, finished=time.time())
        save(home, story)
    elif story.current and story.current.run:
        cancel_run(home, story.current.run)
    return story


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An experiment whose int8 is to be rescued."""

    experiment: Experiment
    run: str
    title: str


def of_run(home: Home, text: str, dataset: str | None = None) -> Subject:
    """Finds a run by its id, the start of one, its name, or ``latest``; photos may be others."""
    with Database(home.database) as database:
        row = find_run(database, text)
    experiment, title = Experiment.from_dict(row.experiment), run_title(row)
    if dataset is None or dataset == experiment.dataset:
        return Subject(experiment=experiment, run=row.id, title=title)
    return Subject(experiment=_on(experiment, dataset, home), run="", title=title)


def of_reference(home: Home, dataset: str | None = None) -> Subject:
    """Takes the reference's experiment with other photos, Imagenette by default (DatasetError)."""
    if not dataset and not imagenette.is_present(home):
        raise DatasetError(
            "The reference run's photos are not on this machine, so its int8 cannot be made again.",
            f"`effq datasets download {imagenette.DATASET_ID}` fetches Imagenette; or name photos "
            "of your own with --data.",
        )
    experiment = _on(load_reference().experiment, dataset or imagenette.DATASET_ID, home)
    return Subject(experiment=experiment, run="", title="the reference run's experiment")


def _on(experiment: Experiment, dataset: str, home: Home) -> Experiment:
    # The sizes that suited the run's own photos need not suit these.
    return fit(replace(experiment, dataset=dataset, training_size=None, evaluation_size=None), home)
