"""``effq models`` and ``effq datasets``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from effq_core.base import formatting as fmt
from effq_core.base.settings import Home
from effq_core.cli import output, own_models
from effq_core.cli.faults import EffqGroup
from effq_core.cli.show import AsJson

if TYPE_CHECKING:
    from effq_core.base.reporting import Reporter

datasets_app = typer.Typer(
    cls=EffqGroup,
    help="List the available photos, add your own, or download Imagenette.",
    add_completion=False,
)


models_app = typer.Typer(
    cls=EffqGroup,
    help="List the available models, fetch weights, or add your own.",
    add_completion=False,
)
own_models.register(models_app)


@models_app.callback(invoke_without_command=True)
def models(ctx: typer.Context, json: AsJson = False) -> None:
    """List the available models."""
    if ctx.invoked_subcommand is not None:
        return
    from effq_core.api.models import rows as model_rows
    from effq_core.models.own.ready import ready_files
    from effq_core.photos.image_input import ImageInput

    home = Home.from_environment()
    rows = model_rows(home)
    if json:
        output.print_json(rows)
        return
    made = output.table("Model", "Input", "Classes", "Weights", "About", right=("Input", "Classes"))
    for row in rows:
        where = "bundled" if row["bundled"] else "downloaded at first use"
        where = "yours" if row["own"] else where
        made.add_row(
            row["id"],
            ImageInput.from_plain(row).short,
            fmt.count(row["classes"]),
            where if row["bundled"] or row["own"] or not row["present"] else "downloaded",
            output.safe(row["summary"]),
        )
    output.stdout().print(made)
    files = ", ".join(file.variant for file in ready_files(home))
    if files:
        output.say(f"\nYour .tflite files, to be named with --variant: {files}")


@models_app.command("download")
def download_weights(
    model: Annotated[str, typer.Argument(help="A model whose weights are not bundled.")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Download a model's weights now; otherwise its first run does."""
    from effq_core.models.catalogue import get_model
    from effq_core.models.weights import locate_weights

    card, home = get_model(model), Home.from_environment()
    _fetch(lambda reporter: locate_weights(card, home, reporter), quiet=quiet)
    output.say(f"{model} is ready. `effq run --model {model}` uses it.")


@models_app.command("import")
def import_file(
    model: Annotated[str, typer.Argument(help="A model whose weights are not bundled.")],
    file: Annotated[Path, typer.Argument(help="Its published weights, fetched elsewhere.")],
) -> None:
    """Use weights fetched elsewhere, for a machine without a network."""
    from effq_core.models.catalogue import get_model
    from effq_core.models.weights import import_weights

    import_weights(get_model(model), file, Home.from_environment())
    output.say(f"{model} is ready. `effq run --model {model}` uses it.")


@datasets_app.callback(invoke_without_command=True)
def datasets(ctx: typer.Context, json: AsJson = False) -> None:
    """List the available photos; any folder of photos works as well."""
    if ctx.invoked_subcommand is not None:
        return
    from effq_core.photos.catalogue import available

    cards = available(Home.from_environment())
    if json:
        output.print_json([asdict(card) for card in cards])
        return
    made = output.table("Photos", "Present", "Classes", "Size", "About", right=("Classes", "Size"))
    for card in cards:
        made.add_row(
            card.id,
            "yes" if card.is_present else "no",
            fmt.count(card.classes),
            fmt.size(card.bytes_on_disk or None),
            output.safe(card.summary),
        )
    output.stdout().print(made)
    output.say(
        "\n`effq datasets add ZIP` adds your own. Or `effq run --data FOLDER`: class folders, with "
        "train/ and val/ or without; or photos without labels."
    )


@datasets_app.command()
def download(
    dataset: Annotated[str, typer.Argument(help="imagenette; others need no download.")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Download photos. What has arrived is kept when it is interrupted."""
    from effq_core.photos.catalogue import download_dataset

    home = Home.from_environment()
    _fetch(lambda reporter: download_dataset(dataset, home, reporter), quiet=quiet)
    output.say(f"{dataset} is ready. `effq run --data {dataset}` uses it.")


def _fetch(fetch: Callable[[Reporter], object], *, quiet: bool) -> None:
    from effq_core.base.reporting import SilentReporter

    if quiet:
        fetch(SilentReporter())
        return
    with progress_bar() as reporter:
        fetch(reporter)


@contextmanager
def progress_bar() -> Iterator[Reporter]:
    """Shows progress on standard error while the block runs."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from effq_core.results.wording import event_text

    columns = (TextColumn("{task.fields[about]}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=output.stderr(), transient=True) as bar:
        task = bar.add_task("download", total=None, about="connecting")

        class _Reporter:
            def progress(self, done: int, total: int, unit: str = "images") -> None:
                about = f"{fmt.size(done)} of {fmt.size(total or None)}"
                if unit != "bytes":
                    about = f"{fmt.count(done)} of {fmt.count(total)} {unit}"
                bar.update(task, completed=done, total=total or None, about=about)

            def event(self, kind: str, **values: Any) -> None:
                text = event_text(kind, values)
                if text is not None:
                    bar.console.print(text, markup=False)

            def check_cancelled(self) -> None:
                """Ctrl-C raises KeyboardInterrupt here: nothing to ask."""

        yield _Reporter()
