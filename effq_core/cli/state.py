"""How far a run is, for a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from effq_core.base import formatting as fmt
from effq_core.cli.output import table
from effq_core.pipeline.estimate import remaining, waiting_for
from effq_core.pipeline.registry import stage_title
from effq_core.results.wording import event_text, is_trouble
from effq_core.store.rows import EventRow, RunRow, StageRow, StageState, Status

_LATEST_EVENTS = 15


def print_head(console: Console, run: RunRow) -> None:
    """Prints which run it is."""
    name = f" “{run.name}”" if run.name else ""
    took = run.finished - run.started if run.finished and run.started else None
    how = f", took {fmt.duration(took)}" if took is not None else ""
    text = f"Run {run.id}{name}: {run.status}, made {fmt.moment(run.created)}{how}"
    console.print(Text(text, style="bold"), soft_wrap=True)


def print_state(
    console: Console,
    run: RunRow,
    stages: Sequence[StageRow],
    events: Sequence[EventRow],
    queued: str = "",
) -> None:
    """Prints the stages of a run that has no results, what happened, and what to do next."""
    made = table("Stage", "State", "Progress", "Took", right=("Progress", "Took"))
    for stage in stages:
        progress = ""
        if stage.state is StageState.RUNNING and stage.total:
            progress = f"{fmt.count(stage.done)} of {fmt.count(stage.total)} {stage.unit}"
        took = stage.finished - stage.started if stage.finished and stage.started else None
        made.add_row(stage_title(stage.name), str(stage.state), progress, fmt.duration(took))
    if stages:
        console.print(made)
    told = [(event, event_text(event.kind, event.values)) for event in events]
    for event, text in [pair for pair in told if pair[1]][-_LATEST_EVENTS:]:
        style = "yellow" if is_trouble(event.kind) else ""
        console.print(Text(f"{event.stage}: {text}", style=style), soft_wrap=True)
    if waiting := queued or waiting_for(stages):
        console.print(Text(f"{fmt.sentence(waiting)}.", style="dim"), soft_wrap=True)
    if run.status.is_active:
        done = sum(stage.state.is_complete for stage in stages)
        about = f"{done} of {fmt.counted(len(stages), 'stage')}, {fmt.left(remaining(stages))}."
        console.print(Text(about, style="bold"))
    if run.error:
        console.print(Text(run.error, style="bold red"), soft_wrap=True)
        console.print(Text(run.hint, style="red"), soft_wrap=True)
    if run.status in (Status.FAILED, Status.CANCELLED, Status.INTERRUPTED):
        console.print(f"`effq resume {run.id}` continues where it stopped.", soft_wrap=True)
