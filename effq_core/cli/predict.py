"""``effq predict``: what the variants of a run say about photos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from effq_core.base import formatting as fmt
from effq_core.base.errors import DatasetError
from effq_core.base.settings import Home
from effq_core.cli import output
from effq_core.cli.faults import FAILED
from effq_core.cli.show import AsJson, OfRun
from effq_core.experiment.variants import get_variant

if TYPE_CHECKING:
    from effq_core.predict.variant_answers import Answer


def predict(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Photos.")],
    run: OfRun = "latest",
    variant: Annotated[
        list[str] | None,
        typer.Option(help="Variants to run, repeated or separated by commas; all by default."),
    ] = None,
    top: Annotated[int, typer.Option(help="Classes to show.", min=1)] = 5,
    threads: Annotated[int, typer.Option(help="Threads an invocation may use.", min=1)] = 1,
    json: AsJson = False,
) -> None:
    """Classify photos with every variant of a run."""
    from effq_core.cli import choices, output
    from effq_core.predict.variant_answers import Predictor
    from effq_core.results import open_run

    _, results = open_run(Home.from_environment(), run)
    names = choices.parse_variants(variant) or ()
    if variant and any(text in ("all", "standard", "controls") for text in variant):
        names = tuple(name for name in names if name in results.with_files)
    predictor = Predictor(results, names, threads=threads)
    told: list[dict[str, Any]] = []
    broken = False
    for image in images:
        try:
            answers = predictor.answer(predictor.read(image), top=top)
        except DatasetError as error:
            broken = True  # one bad photo must not cost the answers for the others
            told.append({"image": str(image), "error": error.message, "hint": error.hint})
            output.print_error(error.message, error.hint)
            continue
        told.append({"image": str(image), "answers": [answer.to_dict() for answer in answers]})
        if not json:
            _print(str(image), answers)
    if json:
        output.print_json(told)
    if broken:
        raise typer.Exit(FAILED)


def _print(image: str, answers: tuple[Answer, ...]) -> None:
    marks = {None: "baseline", True: "yes", False: "NO"}
    made = output.table("Variant", "Time", "As float32", "Answers", right=("Time",))
    for answer in answers:
        guesses = ", ".join(f"{g.label} {fmt.percent(g.probability)}" for g in answer.guesses)
        row = get_variant(answer.variant)
        made.add_row(
            Text(row.title, style=row.colour),
            fmt.milliseconds(answer.ms),
            Text(marks[answer.agrees], style="red" if answer.agrees is False else ""),
            output.safe(guesses),
        )
    output.say(image, style="bold")
    output.stdout().print(made)
