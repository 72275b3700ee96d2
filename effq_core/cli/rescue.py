"""``effq rescue``: known remedies where int8 lost too much, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from effq_core.base import formatting as fmt
from effq_core.base.settings import Home
from effq_core.cli import output
from effq_core.cli.faults import CANCELLED, FAILED, OK, EffqGroup
from effq_core.cli.show import AsJson, Detach, Quiet, RunName
from effq_core.experiment import REFERENCE
from effq_core.rescue.request import Remedy, Rescue

if TYPE_CHECKING:
    from effq_core.rescue.story import Story

_START = "start"
_HELP = ("-h", "--help")


class _StartsByDefault(EffqGroup):
    """``effq rescue RUN`` means ``effq rescue start RUN``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts the command's name in where a run or an option stands first."""
        if args and args[0] not in self.commands and args[0] not in _HELP:
            args = [_START, *args]
        return super().parse_args(ctx, args)


rescue_app = typer.Typer(
    cls=_StartsByDefault,
    help="Try known remedies where int8 lost too much, cheapest first, until one is enough: "
    "`effq rescue RUN --max-drop 0.5`. Exit code 0: the limit is met; 1: it is not.",
    add_completion=False,
    no_args_is_help=True,
)

RescueName = Annotated[
    str, typer.Argument(metavar="ID", help="A rescue's id or the start of it, or latest.")
]


@rescue_app.command(_START)
def start(
    run: RunName,
    max_drop: Annotated[
        float,
        typer.Option(
            help="Top-1 that may be lost against float32, percentage points; without labels: "
            "photos with another answer, per cent."
        ),
    ] = 0.5,
    remedy: Annotated[
        list[Remedy] | None, typer.Option(help="A remedy to try; repeatable. All by default.")
    ] = None,
    budget: Annotated[
        int | None, typer.Option(help="Seconds after which nothing more is tried.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Photos instead of the run's: photo_patches, imagenette, photos:NAME or a "
            "folder. The reference run needs them where Imagenette is not here."
        ),
    ] = None,
    detach: Detach = False,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Rescue a run's int8: try remedies until the loss is within a limit."""
    from effq_core.cli.choices import parse_data
    from effq_core.rescue import control
    from effq_core.rescue.control import of_reference, of_run

    home, dataset = Home.from_environment(), parse_data(data)
    about = of_reference(home, dataset) if run == REFERENCE else of_run(home, run, dataset)
    experiment, source, subject = about.experiment, about.run, about.title
    asked = Rescue(
        experiment=experiment,
        run=source,
        max_drop_points=max_drop,
        remedies=tuple(remedy) if remedy else tuple(Remedy),
        budget_seconds=budget,
    )
    story = control.enter(home, asked, subject)
    _work(home, story.id, detach=detach, as_json=json, quiet=quiet)


@rescue_app.command("resume")
def resume(
    rescue: RescueName, detach: Detach = False, json: AsJson = False, quiet: Quiet = False
) -> None:
    """Resume a rescue where it stopped; measurements are kept."""
    from effq_core.rescue import control

    home, story = _found(rescue)
    control.prepare_again(home, story.id)
    _work(home, story.id, detach=detach, as_json=json, quiet=quiet)


@rescue_app.command("cancel")
def cancel(rescue: RescueName) -> None:
    """Cancel a rescue; what it has measured is kept."""
    from effq_core.rescue import control

    home, story = _found(rescue)
    active = story.status.is_active
    story = control.request_cancel(home, story.id)
    if active:
        output.say(f"The rescue {story.id} was asked to stop.")
    else:
        output.say(f"The rescue {story.id} had ended already: it is {story.status}.")


@rescue_app.command("delete")
def delete(rescue: RescueName) -> None:
    """Delete a rescue's report; its runs stay."""
    from effq_core.rescue import control

    home, story = _found(rescue)
    control.delete(home, story.id)
    output.say(f"The rescue {story.id} was deleted; its runs are kept.")


@rescue_app.command("list")
def list_all(json: AsJson = False) -> None:
    """List all rescues, newest first."""
    from effq_core.rescue.document import to_json
    from effq_core.rescue.story import stories
    from effq_core.rescue.wording import points, title_of

    found = stories(Home.from_environment())
    if json:
        output.print_json([to_json(story) for story in found])
        return
    if not found:
        output.say("There is no rescue yet. `effq rescue RUN` starts one.")
        return
    made = output.table("Rescue", "About", "Limit", "Status", "Met by", "Took")
    for story in found:
        made.add_row(
            story.id,
            output.safe(story.subject),
            points(story.rescue.max_drop_points),
            str(story.status),
            output.safe(title_of(story.met)) if story.met else fmt.NOTHING,
            fmt.duration(story.seconds),
        )
    output.stdout().print(made)


@rescue_app.command("show")
def show(
    rescue: RescueName = "latest",
    json: AsJson = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the report as Markdown.")
    ] = False,
) -> None:
    """Show what a rescue tried, what each remedy cost and gained."""
    import sys

    from effq_core.cli.rescue_story import print_story
    from effq_core.rescue.document import to_json, to_markdown

    story = _found(rescue)[1]
    if json:
        output.print_json(to_json(story))
    elif markdown:
        sys.stdout.write(to_markdown(story))
    else:
        print_story(output.stdout(), story)


def _found(rescue: str) -> tuple[Home, Story]:
    from effq_core.rescue.story import find

    home = Home.from_environment()
    return home, find(home, rescue)


def _work(home: Home, story_id: str, *, detach: bool, as_json: bool, quiet: bool) -> None:
    from effq_core.cli.rescue_story import Teller, print_story
    from effq_core.rescue import control
    from effq_core.rescue.document import to_json
    from effq_core.rescue.driver import work

    if detach:
        output.name_idle("--detach", {"--quiet": quiet})
        pid = control.start_detached(home, story_id)
        if as_json:
            output.print_json({"rescue": story_id, "pid": pid})
        else:
            output.say(story_id)
            about = f"`effq rescue show {story_id}` shows its progress."
            output.say(f"It works in the background. {about}", error=True)
        return
    console = output.stderr() if as_json else output.stdout()
    teller = Teller(console, quiet=quiet)
    story = work(home, story_id, teller.tell, teller.following)
    if as_json:
        output.print_json(to_json(story))
    else:
        print_story(console, story)
    raise typer.Exit(_code(story))


def _code(story: Story) -> int:
    from effq_core.store.rows import Status

    if story.status is Status.CANCELLED:
        return CANCELLED
    return OK if story.met is not None else FAILED
