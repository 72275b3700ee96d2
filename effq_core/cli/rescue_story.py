"""A rescue on a terminal: its steps as they end, then the whole story."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from effq_core.base import formatting as fmt
from effq_core.cli.live import watching
from effq_core.cli.output import safe, table
from effq_core.pipeline.progress import OnUpdate
from effq_core.rescue import wording
from effq_core.rescue.document import HEADS, rows
from effq_core.rescue.request import Remedy
from effq_core.rescue.story import Step, StepState, Story
from effq_core.store.rows import Status

_STYLES = {
    StepState.MET: "green",
    StepState.TRIED: "yellow",
    StepState.FAILED: "bold red",
    StepState.CANCELLED: "yellow",
    StepState.SKIPPED: "dim",
}


class Teller:
    """Prints each step once it ends, and what comes next with its estimate."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console, self._quiet = console, quiet
        self._told: set[Remedy | None] = set()
        self._begun = False

    def tell(self, story: Story) -> None:
        """Takes a change of the story."""
        if self._quiet:
            return
        if not self._begun:
            self._begun = True
            head = f"Rescue {story.id}: {wording.limit_text(story)} is allowed."
            self._console.print(Text(head, style="bold"), soft_wrap=True)
        for step in story.steps:
            if step.state is not StepState.RUNNING and step.remedy not in self._told:
                self._told.add(step.remedy)
                self._console.print(_line(step), soft_wrap=True)

    @contextmanager
    def following(self, story: Story, step: Step) -> Iterator[OnUpdate | None]:
        """Shows the run of a step while the block runs."""
        if not self._quiet:
            about = "" if step.estimate is None else f", about {fmt.roughly(step.estimate)}"
            others = sum(s for remedy, s in story.ahead if remedy is not step.remedy)
            more = f"; at most {fmt.roughly(others)} more for the others" if others else ""
            self._console.print(Text(f"▶ {wording.title_of(step)}{about}{more}"), soft_wrap=True)
        with watching(self._console, quiet=self._quiet) as on_update:
            yield on_update


def print_story(console: Console, story: Story) -> None:
    """Prints a story: its steps as a table, then the verdict."""
    head = (
        f"Rescue {story.id} of {story.subject}: {story.status}, {wording.limit_text(story)} allowed"
    )
    console.print(Text(f"\n{head}", style="bold"), soft_wrap=True)
    # A terminal has no room for all columns of the document.
    shown = [n for n, name in enumerate(HEADS) if name not in ("KL, nats", "Same answer")]
    made = table(*(HEADS[n] for n in shown))
    for step, cells in zip(story.steps, rows(story), strict=True):
        cells = [*cells[:2], fmt.NOTHING, *cells[3:]] if step.outcome is None else cells
        made.add_row(*(safe(cells[n]) for n in shown), style=_STYLES.get(step.state, ""))
    if story.steps:
        console.print(made)
    if story.status is Status.FAILED:
        console.print(Text(f"{story.error} {story.hint}", style="bold red"), soft_wrap=True)
    for sentence in wording.verdict(story):
        console.print(Text(f"· {sentence}"), soft_wrap=True)
    if story.status in (Status.CANCELLED, Status.INTERRUPTED, Status.FAILED):
        again = f"`effq rescue resume {story.id}` continues where it stopped."
        console.print(Text(again), soft_wrap=True)


def _line(step: Step) -> Text:
    parts = [f"{wording.state_title(step.state)}: {wording.title_of(step)}"]
    if step.outcome is not None:
        parts.append(f"loss {wording.drop_text(step.outcome)}")
        parts.append(wording.cost_text(step))
    elif step.why:
        parts.append(step.why)
    return Text(" · ".join(parts), style=_STYLES.get(step.state, ""))
