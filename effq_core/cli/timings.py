"""``effq timings``: latencies measured on other devices with a bundle's ``bench.py``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from effq_core.base import formatting as fmt
from effq_core.base.settings import Home
from effq_core.cli import output
from effq_core.cli.faults import EffqGroup
from effq_core.cli.show import AsJson, OfRun

if TYPE_CHECKING:
    from effq_core.devices.timing_file import DeviceReport
    from effq_core.results import Results

timings_app = typer.Typer(
    cls=EffqGroup,
    help="Latencies measured on other devices: import, list and delete them.",
    add_completion=False,
    no_args_is_help=True,
)

_SHOWN = ("median", "mean", "p90", "p99", "cold_start")


@timings_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="What bench.py wrote.")],
    run: OfRun = "latest",
    json: AsJson = False,
) -> None:
    """Import what a bundle's bench.py measured, to chart it beside the run's own host."""
    from effq_core.devices.timing_file import read_bounded
    from effq_core.devices.timings import import_timings, variant_of

    home, results = _open(run)
    report = import_timings(home, results, read_bounded(file), str(file))
    variant = variant_of(results, report) or ""
    if json:
        output.print_json(_values(variant, report))
    else:
        _print(results, [(variant, report)])


@timings_app.command("list")
def list_all(run: OfRun = "latest", json: AsJson = False) -> None:
    """List what was measured of a run's files on other devices."""
    from effq_core.devices.timings import list_timings

    home, results = _open(run)
    found = [(v, r) for v, reports in list_timings(home, results).items() for r in reports]
    if json:
        output.print_json([_values(*entry) for entry in found])
    elif not found:
        output.say("No timings yet. `effq export RUN --bundle VARIANT --to FILE.zip` makes a "
                   "bundle; its bench.py measures.")  # fmt: skip
    else:
        _print(results, found)


@timings_app.command()
def delete(
    timings: Annotated[str, typer.Argument(metavar="ID", help="As `effq timings list` shows it.")],
    json: AsJson = False,
) -> None:
    """Delete imported timings."""
    from effq_core.devices.timings import delete_timings

    delete_timings(Home.from_environment(), timings)
    if json:
        output.print_json({"deleted": timings})
    else:
        output.say(f"The timings {timings} were deleted.")


def _open(run: str) -> tuple[Home, Results]:
    from effq_core.results import open_run

    home = Home.from_environment()
    return home, open_run(home, run)[1]


def _values(variant: str, report: DeviceReport) -> dict[str, object]:
    return {"variant": variant, **report.to_dict()}


def _print(results: Results, found: list[tuple[str, DeviceReport]]) -> None:
    numbers = ("Threads", "Median", "Mean", "90 % within", "99 % within", "Cold start", "n")
    made = output.table("Id", "Variant", "Device", "Measured", *numbers, "Timing", right=numbers)
    for variant, report in found:
        for timing in report.timings:
            made.add_row(
                report.id,
                output.safe(results.variants[variant].title),
                output.safe(report.device),
                fmt.moment(report.measured),
                fmt.count(timing.threads),
                *(fmt.milliseconds(getattr(timing, f"{each}_ms")) for each in _SHOWN),
                fmt.count(timing.n),
                timing.disturbance or "undisturbed",
            )
    output.stdout().print(made)
