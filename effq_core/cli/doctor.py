"""``effq doctor``: is everything there that a run needs?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from effq_core.base import formatting as fmt
from effq_core.base.settings import Home
from effq_core.cli import output
from effq_core.cli.faults import FAILED
from effq_core.cli.show import AsJson

if TYPE_CHECKING:
    from effq_core.care.checkup import Check


def doctor(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Verify every artifact, set damaged ones aside, rebuild the index and remove what "
            "killed processes have left. Nothing else is deleted; what cannot be read is named.",
        ),
    ] = False,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Do not check whether download servers can be reached."),
    ] = False,
    json: AsJson = False,
) -> None:
    """Check versions, hardware, the store, the engine, models, photos and the network."""
    from effq_core.care import checkup

    home = Home.from_environment()
    repaired = _repair(home) if repair else None
    checks = checkup.examine(home, network=not offline, hashes=repair)
    failed = any(check.state is checkup.State.FAILED for check in checks)
    failed = failed or bool(repaired and repaired["unreadable"])
    if json:
        output.print_json(
            {"ok": not failed, "checks": [check.to_dict() for check in checks], "repair": repaired}
        )
    else:
        if repaired is not None:
            output.say(_repair_text(repaired) + "\n")
        _print(checks)
    if failed:
        raise typer.Exit(FAILED)


def _repair(home: Home) -> dict[str, Any]:
    from effq_core.pipeline.engine_status import sweep_workers
    from effq_core.store.artifacts import ArtifactStore
    from effq_core.store.repair import rebuild

    done = rebuild(home.database, ArtifactStore(home))
    return {
        "moved": str(done.moved) if done.moved else None,
        "runs": done.runs,
        "artifacts": done.artifacts,
        "quarantined": list(done.quarantined),
        "unreadable": list(done.unreadable),
        "swept": done.swept + sweep_workers(home),
    }


def _repair_text(repaired: dict[str, Any]) -> str:
    lines = [
        f"Verified {fmt.counted(repaired['artifacts'], 'artifact')}; "
        f"{fmt.counted(repaired['runs'], 'run')} added to the index; "
        f"{fmt.counted(repaired['swept'], 'leftover')} removed."
    ]
    if repaired["moved"]:
        lines.append(f"The damaged index is kept as {repaired['moved']}.")
    return "\n".join([*lines, *repaired["quarantined"], *repaired["unreadable"]])


def _print(checks: list[Check]) -> None:
    from effq_core.care.checkup import State

    styles = {State.OK: "green", State.NOTE: "yellow", State.FAILED: "bold red"}
    console = output.stdout()
    width = max(len(check.name) for check in checks) + 2
    for check in checks:
        line = Text(f"{check.state:6}  ", style=styles[check.state])
        line.append(f"{check.name:{width}}", style="bold")
        line.append(check.found, style="default")
        console.print(line, soft_wrap=True)
        if check.hint:
            console.print(Text(f"{'':8}{'':{width}}{check.hint}", style="dim"), soft_wrap=True)
