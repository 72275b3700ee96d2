"""The story of a rescue: what was tried, why, what it cost and what it gave; one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from effq_core.base.errors import InputError, StoreError
from effq_core.base.files import read_json, write_json
from effq_core.base.plain import Plain
from effq_core.base.run_ids import validate_run_id
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.jobs.files import JobFiles
from effq_core.jobs.process import is_alive
from effq_core.rescue.outcome import Outcome
from effq_core.rescue.request import Remedy, Rescue
from effq_core.store.rows import Status

FORMAT = 1
KIND = "rescue"
STORY_FILE = "story.json"


class StepState(StrEnum):
    """How a step stands."""

    RUNNING = "running"
    SKIPPED = "skipped"  # it was not tried; the step says why
    TRIED = "tried"  # measured, and beyond the limit
    MET = "met"  # measured, and within the limit
    FAILED = "failed"
    CANCELLED = "cancelled"


UNFINISHED = (StepState.RUNNING, StepState.CANCELLED)  # what has another turn when a rescue goes on


@dataclass(frozen=True, kw_only=True)
class Step(Plain):
    """One remedy, or int8 as it is. Times are seconds since 1970."""

    remedy: Remedy | None
    state: StepState
    experiment: Experiment | None = None  # what was run; ``None`` where nothing was
    run: str = ""
    why: str = ""  # why it was skipped, failed or stopped; empty otherwise
    estimate: float | None = None
    # Seconds its run worked, without waiting for others; ``None`` where nothing was run.
    seconds: float | None = None
    stages: int = 0
    cached: int = 0
    started: float | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, kw_only=True)
class Story(Plain):
    """A rescue at one moment. Times are seconds since 1970."""

    id: str
    rescue: Rescue
    created: float
    subject: str = ""
    status: Status = Status.QUEUED  # where it is; ``finished`` says nothing about the limit
    steps: tuple[Step, ...] = ()  # what was begun or skipped, in order; int8 as it is comes first
    # Estimated seconds of the remedies not yet tried, cheapest first.
    ahead: tuple[tuple[Remedy, float], ...] = ()
    finished: float | None = None
    error: str = ""
    hint: str = ""
    pid: int | None = None
    token: str | None = None

    @property
    def base(self) -> Step | None:
        """int8 as it is, once it is measured."""
        found = self.about(None)
        return found if found is not None and found.outcome is not None else None

    @property
    def measured(self) -> tuple[Step, ...]:
        """The steps that have an outcome."""
        return tuple(step for step in self.steps if step.outcome is not None)

    @property
    def met(self) -> Step | None:
        """The step that is within the limit, if one is."""
        return next((step for step in self.steps if step.state is StepState.MET), None)

    @property
    def nearest(self) -> Step | None:
        """The measured step that loses least, of those that pass their checks; first of equals."""
        sound = [step for step in self.measured if step.outcome and not step.outcome.failed_gates]
        return min(sound, key=lambda s: s.outcome.drop_points if s.outcome else 0.0, default=None)

    @property
    def current(self) -> Step | None:
        """The step that is worked on."""
        return next((step for step in self.steps if step.state is StepState.RUNNING), None)

    @property
    def seconds(self) -> float:
        """How long its runs took."""
        return sum(step.seconds or 0.0 for step in self.steps)

    def about(self, remedy: Remedy | None) -> Step | None:
        """Returns the step about a remedy, or about int8 as it is, if it was begun or skipped."""
        return next((step for step in self.steps if step.remedy is remedy), None)

    def with_step(self, step: Step) -> Story:
        """Returns the story with a step added, or in place of the one about the same remedy."""
        others = [each for each in self.steps if each.remedy is not step.remedy]
        place = next((n for n, s in enumerate(self.steps) if s.remedy is step.remedy), len(others))
        return replace(self, steps=(*others[:place], step, *others[place:]))

    def to_dict(self) -> dict[str, Any]:
        """Returns the story as plain JSON values."""
        return {**super().to_dict(), "format": FORMAT}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Rebuilds a story from :meth:`to_dict`."""
        try:
            if plain["format"] != FORMAT:
                raise StoreError(f"The story has format {plain['format']}, not {FORMAT}.")
            return super().from_dict(plain)
        except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
            message = f"The story cannot be read ({type(error).__name__}: {error})."
            hint = "It comes from another version of EffQ; start the rescue again."
            raise StoreError(message, hint) from error


def files_of(home: Home, story_id: str) -> JobFiles:
    """Returns where a rescue keeps its files; refuses what is no rescue's id."""
    return JobFiles.in_folder(home.root / "rescues" / validate_run_id(story_id))


def save(home: Home, story: Story) -> None:
    """Writes a story, whole or not at all."""
    write_json(files_of(home, story.id).folder / STORY_FILE, story.to_dict())


def load(home: Home, story_id: str) -> Story:
    """Reads a story; it is ``interrupted`` if the process that worked on it has died."""
    plain = read_json(files_of(home, story_id).folder / STORY_FILE)
    if plain is None:
        raise InputError(f"There is no rescue {story_id}.", "`effq rescue list` lists all rescues.")
    story = Story.from_dict(plain)
    waits = story.status is Status.QUEUED and story.pid is None
    if story.status.is_active and not waits and not is_alive(story.pid, story.token):
        return replace(story, status=Status.INTERRUPTED)
    return story


def stories(home: Home) -> list[Story]:
    """Returns all rescues of a store, newest first; unreadable ones are left out."""
    found = []
    for path in (home.root / "rescues").glob(f"*/{STORY_FILE}"):
        try:
            found.append(load(home, path.parent.name))
        except (StoreError, InputError):
            continue
    # Ids tell seconds only: two of one second are in no order.
    return sorted(found, key=lambda story: (story.created, story.id), reverse=True)


def find(home: Home, text: str) -> Story:
    """Finds the rescue a person means by its id, the start of it, or ``latest``."""
    if text == "latest":
        fitting = [story.id for story in stories(home)[:1]]
    else:
        ids = [path.parent.name for path in (home.root / "rescues").glob(f"*/{STORY_FILE}")]
        fitting = [each for each in sorted(ids) if text and each.startswith(text)]
    if not fitting:
        raise InputError(f"There is no rescue {text!r}.", "`effq rescue list` lists all rescues.")
    if len(fitting) > 1:
        raise InputError(f"{text!r} can mean {len(fitting)} rescues.", "Give the whole id.")
    return load(home, fitting[0])
