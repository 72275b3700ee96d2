"""``effq evaluate``: an existing run's files, measured on other photos."""

from typing import Annotated

import typer

from effq_core.base.settings import Home
from effq_core.cli.show import Detach, Quiet, ResultsAsJson, RunName, one_level_down


def evaluate(
    run: RunName,
    data: Annotated[
        str,
        typer.Option(
            help="The photos: photo_patches, imagenette, photos:NAME or a folder. Their classes "
            "must be among the run's, or they have no labels."
        ),
    ],
    one_level_down: Annotated[bool, one_level_down()] = False,
    variant: Annotated[
        list[str] | None,
        typer.Option(
            help="Variants to measure, separated by commas; all the run has files of by default."
        ),
    ] = None,
    evaluation_size: Annotated[
        str | None, typer.Option(help="Photos to measure on, or all (the default).")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the new result.")] = "",
    detach: Detach = False,
    json: ResultsAsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure a run's files on other photos, as a result of its own.

    Nothing is converted or trained: the very files of the run are evaluated, checked and compared
    with its float32. `reference` names the bundled reference run.
    """
    from effq_core.cli import choices, work
    from effq_core.results import open_run
    from effq_core.results.access import on_photos

    home = Home.from_environment()
    options = {"data": data, "variant": variant, "evaluation_size": evaluation_size}
    given = choices.given(options, one_down=one_level_down)
    source, results = open_run(home, run)
    experiment = on_photos(
        results,
        source,
        given["dataset"],
        variants=given.get("variants"),
        evaluation_size=given.get("evaluation_size"),
    )
    work.start(experiment, name=name, remeasure=False, detach=detach, as_json=json, quiet=quiet)
