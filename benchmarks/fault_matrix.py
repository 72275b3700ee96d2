"""Breaks real runs in every way at every stage, and prints the matrix fault × stage → outcome.

    python benchmarks/fault_matrix.py [--faults worker,disk] [--stages convert,finetune]
                                      [--network small|tiny] [--write docs/fault_matrix.md]

Every cell is a run of its own, by the real driver, engine, worker and store, on a copy of a store
in which everything but the stage under test (and the report after it) is finished. Cells of one
fault use the same copy one after another, so each must leave it whole. The fault happens in the
middle of the stage. After it nothing half may pass for an artifact, nothing wrong
may be shown, and what is said must name the reason and a way on. Then the run is run again unless
it went on by itself, and every file it made must equal the undisturbed run's, byte for byte.

It fails (exit status 1) if a cell does not hold. What this machine cannot do (mount a small disk,
make a folder immutable, start a browser, compile the clock) is skipped and said to be.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from effq_core.base import hardware  # noqa: E402
from effq_core.base.settings import Home  # noqa: E402
from effq_core.store.database import Database  # noqa: E402
from tests.faults.bases import small_base, tiny_base  # noqa: E402
from tests.faults.cell import BROKEN, HOLDS, SKIPPED, Cell  # noqa: E402
from tests.faults.faults import FAULTS, KINDS, Places, representatives, try_cell  # noqa: E402
from tests.faults.special import SPECIALS, try_special  # noqa: E402
from tests.faults.undisturbed import Base  # noqa: E402

NETWORKS = {"small": small_base, "tiny": tiny_base}
_ABOUT = {
    "small": "an added model of a few layers (32 px)",
    "tiny": "the bundled EfficientNetV2-B0 (64 px)",
}
_FOLDER = re.compile(r"/\S*?/home(?=/)")
_FINGERPRINT = re.compile(r"([0-9a-f]{12})[0-9a-f]{52}")
_MARKS = {HOLDS: "✓", BROKEN: "✗", SKIPPED: "–"}


def main() -> int:
    """Runs the cells that were asked for.

    Returns:
        0 if all hold, 1 otherwise.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", default=",".join([*FAULTS, *SPECIALS]), help="by comma")
    parser.add_argument("--stages", default=",".join(KINDS), help="kinds of stages, by comma")
    parser.add_argument("--network", choices=NETWORKS, default="small")
    parser.add_argument("--base", type=Path, help="folder of an undisturbed run made earlier")
    parser.add_argument("--json", type=Path, help="keep every cell here; what it holds is not run")
    parser.add_argument("--write", type=Path, help="write the table into this Markdown file")
    parser.add_argument("--folder", type=Path, help="where to work; needs about 1 GB")
    given = parser.parse_args()
    faults, stages = given.faults.split(","), given.stages.split(",")
    unknown = [name for name in faults if name not in FAULTS and name not in SPECIALS]
    unknown += [name for name in stages if name not in KINDS]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}")
    if given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="effq-faults-", dir=given.folder) as folder:
        work = Path(folder)
        base = _base(given.network, given.base or work / "undisturbed")
        cells = _run(base, faults, stages, work, given.json)
        order = list(representatives(base).values())
    table = to_markdown(cells, given.network, order)
    print(table)
    if given.write:
        given.write.parent.mkdir(exist_ok=True)
        given.write.write_text(table, encoding="utf-8")
    return int(any(cell.outcome == BROKEN for cell in cells))


def _base(network: str, folder: Path) -> Base:
    home = Home(folder / "home")
    if not home.database.exists():
        _tell(f"The undisturbed run of {_ABOUT[network]} …")
        return NETWORKS[network](folder)
    database = Database(home.database)
    try:
        run_id = database.list_runs()[-1].id
    finally:
        database.close()
    return Base.of(home, run_id)


def _run(
    base: Base, faults: list[str], stages: list[str], work: Path, kept: Path | None
) -> list[Cell]:
    cells = [Cell(**each) for each in json.loads(kept.read_text())] if _has(kept) else []
    done = {(cell.fault, cell.stage) for cell in cells}
    names = representatives(base)
    todo = [
        (fault, stage)
        for fault in faults
        for stage in ([""] if fault in SPECIALS else [names[kind] for kind in stages])
    ]
    with Places(base, work / "cells") as places:
        for number, (fault, stage) in enumerate(todo):
            if (fault, stage) in done:
                continue
            if fault in SPECIALS:
                folder = work / f"special-{number}"
                cell = try_special(fault, base, folder)
                shutil.rmtree(folder, ignore_errors=True)
            else:
                cell = try_cell(fault, stage, places)
            cells.append(cell)
            _tell(f"{_MARKS[cell.outcome]} {fault} {stage}  {cell.how}  {cell.seconds:.0f} s")
            for problem in cell.problems:
                _tell(f"    {problem}")
            if kept:
                kept.write_text(json.dumps([asdict(each) for each in cells], indent=1))
            if number + 1 == len(todo) or todo[number + 1][0] != fault:
                places.drop(fault)
    return cells


def _has(path: Path | None) -> bool:
    return path is not None and path.exists()


def to_markdown(cells: list[Cell], network: str, order: list[str]) -> str:
    """Returns the matrix as a page, with the conditions it was measured under.

    Args:
        cells: All of them.
        network: Key of :data:`NETWORKS`.
        order: Stages, in the order of the work.
    """
    counts = {state: sum(cell.outcome == state for cell in cells) for state in _MARKS}
    machine = hardware.describe()
    versions = ", ".join(f"{name} {v}" for name, v in hardware.library_versions().items())
    lines = [
        "# Fault matrix",
        "",
        "Written by `python benchmarks/fault_matrix.py`; what each fault does is in "
        "`tests/faults/`.",
        "",
        f"- {len(cells)} cells: {counts[HOLDS]} hold, {counts[BROKEN]} do not, "
        f"{counts[SKIPPED]} could not be tried",
        f"- {time.strftime('%Y-%m-%d', time.gmtime())}, {sum(c.seconds for c in cells) / 60:.0f} "
        f"minutes, {machine.cpu}, {machine.logical_cores} hardware threads, {machine.system}, "
        f"Python {machine.python}",
        f"- {versions}",
        f"- Each run quantizes {_ABOUT[network]} and photo patches: the real driver, engine, "
        "worker and store",
        "- ✓ holds: no wrong number, no half artifact, a clear message, and in the end every file "
        "equals the undisturbed run's byte for byte (TensorFlow's SavedModel descriptions and "
        "what holds measured times excepted). ✗ does not. – could not be tried on this machine. "
        "Empty: not tried this time",
        "",
    ]
    stages = [stage for stage in order if any(cell.stage == stage for cell in cells)]
    faults = [name for name in FAULTS if any(cell.fault == name for cell in cells)]
    by_place = {(cell.fault, cell.stage): cell for cell in cells}
    if faults:
        lines += [
            "| stage | " + " | ".join(FAULTS[name].title for name in faults) + " |",
            "|---" * (len(faults) + 1) + "|",
        ]
        for stage in stages:
            row = [_short(by_place.get((fault, stage))) for fault in faults]
            lines.append(f"| `{stage}` | " + " | ".join(row) + " |")
        lines.append("")
    special = [cell for cell in cells if cell.fault in SPECIALS]
    if special:
        lines += ["| fault | outcome |", "|---|---|"]
        lines += [f"| {SPECIALS[c.fault].title} | {_short(c)} |" for c in special]
        lines.append("")
    lines += _messages(cells)
    return "\n".join(lines)


def _short(cell: Cell | None) -> str:
    if cell is None:
        return ""
    text = f"{_MARKS[cell.outcome]} {cell.how}".strip()
    if cell.problems:
        text += ": " + "; ".join(cell.problems)[:200]
    return text.replace("|", "\\|").replace("\n", " ")


def _messages(cells: list[Cell]) -> list[str]:
    lines = ["## What the user is told", "", "One example a fault.", ""]
    titles = {name: each.title for name, each in (*FAULTS.items(), *SPECIALS.items())}
    for name, title in titles.items():
        said = [cell.said for cell in cells if cell.fault == name and cell.said]
        if said:
            text = _FOLDER.sub("EFFQ_HOME", _FINGERPRINT.sub(r"\1…", " ".join(said[0].split())))
            lines.append(f"- {title}: “{text}”")
    return [*lines, ""]


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
