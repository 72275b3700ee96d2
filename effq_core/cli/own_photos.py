"""``effq datasets add`` and ``effq datasets remove``: adding and removing photos."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from effq_core.base import formatting as fmt
from effq_core.base.settings import Home
from effq_core.cli import output
from effq_core.cli.catalogues import progress_bar
from effq_core.cli.show import AsJson, one_level_down

if TYPE_CHECKING:
    from effq_core.photos.incoming.preview import Preview

_MOST_CLASSES = 20
_MOST_NAMED = 10


def add(
    source: Annotated[Path, typer.Argument(metavar="ZIP|FOLDER", help="The photos.")],
    name: Annotated[str, typer.Option(help="Their name; by default the zip's.")] = "",
    labels: Annotated[
        Path | None,
        typer.Option(
            help="A CSV with columns headed filename and label, one-hot columns, or a file and its "
            "label in each line. Without it, folders are classes; without folders, the photos have "
            "no labels."
        ),
    ] = None,
    one_level_down: Annotated[bool, one_level_down()] = False,
    drop_lookalikes: Annotated[
        bool, typer.Option("--drop-lookalikes", help="Keep only one of photos that look alike.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only preview; add nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    json: AsJson = False,
) -> None:
    """Add photos of your own: a zip or a folder. They are looked at first, then copied.

    Links in a folder are followed, as `effq run --data FOLDER` does; those in a zip are left out.
    """
    from effq_core.base.reporting import SilentReporter
    from effq_core.photos.incoming.upload import look_at_path
    from effq_core.photos.own_photos import check_title

    home = Home.from_environment()
    if name:
        check_title(name)
    if quiet or json:
        upload = look_at_path(home, source, labels, SilentReporter(), one_down=one_level_down)
    else:
        with progress_bar() as reporter:
            upload = look_at_path(home, source, labels, reporter, one_down=one_level_down)
    try:
        if not json:
            _print_preview(upload.preview)
        if dry_run:
            if json:
                output.print_json(_plain(upload.preview))
            return
        called = name or upload.suggested
        if not yes and not json:
            typer.confirm(f"Add them as “{called}”?", abort=True, err=True)
        added = upload.add(home, called, drop_lookalikes=drop_lookalikes)
    finally:
        upload.close()
    if json:
        output.print_json({**_plain(upload.preview), "id": added.id, "added": added.photos})
        return
    output.say(
        f"{fmt.counted(added.photos, 'photo')} were added as {added.id}. "
        f"`effq run --data {added.id}` uses them."
    )


def remove(
    dataset: Annotated[str, typer.Argument(help="Its name in `effq datasets`.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: AsJson = False,
) -> None:
    """Delete photos of your own, or downloaded ones; a folder is only taken off the list."""
    from effq_core.care.library import dependents, remove_item
    from effq_core.photos.roots import FOLDER_PREFIX
    from effq_core.store.database import Database

    home = Home.from_environment()
    with Database(home.database) as database:
        runs = len(dependents(database, dataset))
        if not yes and not json:
            used = f" {runs} runs used them; their results stay." if runs else ""
            what = "Remove from the list:" if dataset.startswith(FOLDER_PREFIX) else "Delete"
            typer.confirm(f"{what} {dataset}?{used}", abort=True, err=True)
        remove_item(home, database, dataset)
    if json:
        output.print_json({"removed": dataset, "runs": runs})
    else:
        output.say(f"{dataset} was removed.")


def _print_preview(preview: Preview) -> None:
    from effq_core.cli.work import GO_DOWN
    from effq_core.photos.incoming.preview import facts, warnings

    output.say(" · ".join(facts(preview)))
    for each in preview.classes[:_MOST_CLASSES]:
        split = ""
        if preview.has_splits:
            split = f" ({fmt.count(each.training)} to train, {fmt.count(each.evaluation)} to test)"
        output.say(f"  {each.name}: {fmt.count(each.images)}{split}")
    if len(preview.classes) > _MOST_CLASSES:
        output.say(f"  and {len(preview.classes) - _MOST_CLASSES:,} more classes")
    for text in warnings(preview):
        output.say(text, style="yellow", error=True)
    if preview.nested and not preview.one_down:
        output.say(GO_DOWN, style="yellow", error=True)
    for each_skipped in preview.skipped[:_MOST_NAMED]:
        output.say(f"  left out: {each_skipped.key}: {each_skipped.reason}", error=True)
    if len(preview.skipped) > _MOST_NAMED:
        output.say(f"  and {len(preview.skipped) - _MOST_NAMED:,} more", error=True)


def _plain(preview: Preview) -> dict[str, Any]:
    from effq_core.photos.incoming.found import shown

    return {
        "photos": len(preview.photos),
        "bytes": preview.bytes,
        "labels_from": preview.labels_from.value,
        "classes": [asdict(e) for e in preview.classes],
        "too_small": [e.name for e in preview.too_small],
        "skipped": [asdict(e) for e in preview.skipped],
        "litter": preview.litter,
        "lookalikes": [
            {**asdict(e), "name": shown(e.name), "like": shown(e.like)} for e in preview.lookalikes
        ],
        "notes": list(preview.notes),
        "nested": asdict(preview.nested) if preview.nested else None,
        "one_level_down": preview.one_down,
    }
