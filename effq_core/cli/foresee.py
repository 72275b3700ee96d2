"""``effq run --dry-run``: what a run would take, without one."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from rich.text import Text

from effq_core.base import formatting as fmt
from effq_core.base.settings import Home
from effq_core.cli.output import print_json, stdout, table
from effq_core.cli.work import warn
from effq_core.experiment import Experiment
from effq_core.experiment.experiment import next_sitting
from effq_core.pipeline.forecast import Forecast, forecast, recent_stages
from effq_core.pipeline.registry import stage_title
from effq_core.results.wording import dataset_title, model_title
from effq_core.store.database import Database


def foresee(experiment: Experiment, *, remeasure: bool, as_json: bool) -> None:
    """Prints what a run would take; starts nothing, and stores nothing."""
    home = Home.from_environment()
    if remeasure:
        experiment = next_sitting(experiment, _earlier(home))
    cost = forecast(experiment, home, recent_stages(home))
    warn(experiment, home)
    place = next(each for each in (home.root, *home.root.parents) if each.exists())
    free = shutil.disk_usage(place).free
    if as_json:
        values = {
            "experiment": experiment.to_dict(),
            "forecast": {**asdict(replace(cost, parts=())), "parts": _parts(cost)},
            "free_bytes": free,
        }
        print_json(values)
    else:
        _print(experiment, cost, free)


def _earlier(home: Home) -> list[Mapping[str, Any]]:
    if not home.database.exists():
        return []
    with Database(home.database) as database:
        return [run.experiment for run in database.list_runs()]


def _parts(cost: Forecast) -> list[dict[str, Any]]:
    return [{"title": stage_title(part.name), **asdict(part)} for part in cost.parts]


def _print(experiment: Experiment, cost: Forecast, free: int) -> None:
    console = stdout()
    about = f"{model_title(experiment.model)} on {dataset_title(experiment.dataset)}"
    variants = fmt.counted(len(experiment.variants), "variant")
    console.print(Text(f"{about}, {variants}", style="bold"), soft_wrap=True)
    made = table("Stage", "State", "Time", "Disk", right=("Time", "Disk"))
    for part in cost.parts:
        if part.cached:
            made.add_row(stage_title(part.name), "cached", "", "")
        else:
            time, disk = fmt.duration(part.seconds), fmt.size(part.bytes)
            made.add_row(stage_title(part.name), "to be made", time, disk)
    console.print(made)
    sizes = cost.sizes
    console.print(
        f"Photos: {fmt.count(sizes.calibration)} to calibrate, {fmt.count(sizes.training)} to "
        f"train, {fmt.count(sizes.evaluation)} to measure.",
        soft_wrap=True,
    )
    time = f"about {fmt.roughly(cost.seconds)}" if cost.seconds else "a few seconds"
    console.print(
        f"{fmt.count(cost.cached)} of {fmt.counted(cost.stages, 'stage')} cached; {time}; "
        f"{fmt.size(cost.bytes)} of disk, {fmt.size(free)} free.",
        soft_wrap=True,
    )
    if cost.bytes > free:
        short = "The disk is too full for this run: free some space, or choose fewer photos."
        console.print(Text(short, style="bold red"), soft_wrap=True)
