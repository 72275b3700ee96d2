"""Faults that belong to no stage: the index, checkpoints, downloads, datasets, two dashboards."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from effq_core.base.errors import InputError
from effq_core.base.locks import FileLock
from effq_core.base.settings import Home
from effq_core.care.library import remove_item
from effq_core.photos.incoming.upload import look_at_path
from effq_core.photos.own_photos import folder_of
from effq_core.pipeline import engine_files
from effq_core.pipeline.stage import LAST
from effq_core.store.database import Database
from effq_core.store.rows import Status
from tests.faults.away import network
from tests.faults.cell import Cell, again, check_said, check_whole, effq, judging
from tests.faults.kills import browser, dashboards, press_resume
from tests.faults.undisturbed import Base, Broken, until
from tests.faults.world import make_base, world

PHOTOS = "photos:mine"


def try_special(fault: str, base: Base, folder: Path) -> Cell:
    """Breaks something beside the stages.

    Args:
        fault: A key of :data:`SPECIALS`.
        base: The undisturbed run.
        folder: An empty folder.

    Returns:
        What came of it.
    """
    cell = Cell(fault, "")
    with judging(cell):
        SPECIALS[fault].act(base, folder, cell)
    return cell


def _damage_index(how: str, base: Base, folder: Path, cell: Cell) -> None:
    with world(base, folder, ()) as made:
        run_id = made.add_run()
        made.ended(made.drive(run_id))
        before = effq(made, "runs", "--json").stdout
        file = made.home.database
        whole = file.read_bytes()
        if how == "garbage":
            file.write_bytes(b"\x00garbage" * (len(whole) // 8))
        else:
            file.write_bytes(whole[: len(whole) // 2 if how == "half" else 0])
        told = effq(made, "runs")
        if told.returncode:
            message, _, hint = told.stderr.strip().partition("\n")
            check_said(cell, message, hint)
            cell.how = "refused, said; repaired"
        else:
            cell.how = "rebuilt by itself"
        repaired = effq(made, "doctor", "--repair", "--offline")
        if repaired.returncode:
            cell.problems.append(f"The repair failed: {repaired.stderr.strip()}")
        if _names(effq(made, "runs", "--json").stdout) != _names(before):
            cell.problems.append("The list of runs is another one than before.")
        again(made, run_id, cell)


def _names(listed: str) -> list[Any]:
    return [(run["id"], run["status"], run.get("results")) for run in json.loads(listed)]


def index_halved(base: Base, folder: Path, cell: Cell) -> None:
    _damage_index("half", base, folder, cell)


def index_emptied(base: Base, folder: Path, cell: Cell) -> None:
    _damage_index("empty", base, folder, cell)


def index_garbage(base: Base, folder: Path, cell: Cell) -> None:
    _damage_index("garbage", base, folder, cell)


def checkpoints(base: Base, folder: Path, cell: Cell) -> None:
    """Each file fine-tuning resumes from loses its second half, one after another."""
    stage = next(name for name, row in base.stages.items() if row.kind == "finetune")
    row = base.stages[stage]
    with world(base, folder, {stage, LAST}) as made:
        run_id = made.add_run()
        process = made.drive(run_id)
        with made.held(stage) as draft:
            if draft is None:
                raise Broken("Fine-tuning ended before it could be killed.")
            process.kill()
            process.wait()
            os.kill(made.worker(draft), 9)
        scratch = made.home.scratch / row.kind / row.fingerprint
        shutil.copytree(scratch, folder / "kept")
        files = sorted(
            path.relative_to(scratch) for path in scratch.rglob("*") if path.stat().st_size > 1
        )
        files = [file for file in files if (scratch / file).is_file()]
        for file in files:
            for name in (stage, LAST):
                path = made.base.stages[name]
                shutil.rmtree(made.home.artifacts / path.kind / path.fingerprint, True)
            shutil.rmtree(scratch, True)
            shutil.copytree(folder / "kept", scratch)
            whole = (scratch / file).read_bytes()
            (scratch / file).write_bytes(whole[: len(whole) // 2])
            told = len(made.events(run_id, "warning"))
            made.ended(made.drive(run_id))
            warnings = [str(event["message"]) for event in made.events(run_id, "warning")][told:]
            cell.said = next((text for text in warnings if "damaged" in text), cell.said)
            if not any("damaged" in text for text in warnings):
                cell.problems.append(f"A truncated {file} is not told.")
            check_whole(made, run_id, cell)
        cell.how = f"noticed, trained again ({', '.join(file.name for file in files)})"


def dataset_deleted(base: Base, folder: Path, cell: Cell) -> None:
    """Photos of one's own go while a run that needs them waits for its turn."""
    photos = _photos(folder / "photos")
    own = Home(folder / "own" / "home")
    own.root.mkdir(parents=True)
    if (base.home.root / "models").is_dir():
        shutil.copytree(base.home.root / "models", own.root / "models")
    look_at_path(own, photos).add(own, "Mine")
    experiment = replace(
        base.experiment,
        dataset=PHOTOS,
        variants=("float32", "float16"),
        training_size=24,
        evaluation_size=12,
    )
    mine = make_base(experiment, own)
    with world(mine, folder / "cell", mine.stages) as made:
        run_id = made.add_run()
        lock = FileLock(made.home.engine / engine_files.QUEUE)
        if not lock.try_acquire():
            raise Broken("The queue is taken.")
        process = made.drive(run_id)
        until(lambda: made.stage_rows(run_id), "The run does not wait for its turn.")
        database = Database(made.home.database)
        try:
            remove_item(made.home, database, PHOTOS)
        except InputError as refused:
            cell.how = "refused while it waits; "
            refusal = str(refused)
        else:
            cell.problems.append("Photos a queued run needs were removed without a word.")
            refusal = ""
        finally:
            database.close()
        # By hand, then, as whoever has the disk can.
        shutil.rmtree(folder_of(made.home, PHOTOS), ignore_errors=True)
        lock.release()
        made.ended(process)
        row = made.row(run_id)
        if row.status is not Status.FAILED:
            cell.problems.append(f"The run is {row.status} without its photos.")
        check_said(cell, row.error, row.hint)
        cell.said = f"{refusal} / {cell.said}"
        cell.how += "removed by hand: failed, said; photos added again, resumed"
        look_at_path(made.home, photos).add(made.home, "Mine")
        again(made, run_id, cell)


def _photos(folder: Path) -> Path:
    """Three classes of real photos: seeded crops of those scikit-image brings."""
    from skimage import data

    random = np.random.default_rng(7)
    for name in ("chelsea", "coffee", "rocket"):
        photo = getattr(data, name)()
        (folder / name).mkdir(parents=True)
        for number in range(20):
            top, left = (int(random.integers(0, size - 120)) for size in photo.shape[:2])
            crop = Image.fromarray(photo[top : top + 120, left : left + 120])
            crop.save(folder / name / f"{number}.png")
    return folder


def same_run(base: Base, folder: Path, cell: Cell) -> None:
    """One run, worked on by two processes."""
    stage = next(name for name, row in base.stages.items() if row.kind == "calibrate")
    with world(base, folder, {stage, LAST}) as made:
        run_id = made.add_run()
        processes = [made.drive(run_id), made.drive(run_id)]
        codes = sorted(made.ended(process) for process in processes)
        log = made.log(run_id).read_text()
        told = [line for line in log.splitlines() if "Another process works on" in line]
        if codes == [0, 1]:
            check_said(cell, told[0].partition("effq.job ")[2] if told else "", "Wait.")
        elif codes != [0, 0]:  # 0 and 0: the second came after the first had finished
            cell.problems.append(f"The two ended with {codes}.")
        cell.how = "one works, the other is told"
        check_whole(made, run_id, cell)


def two_dashboards(base: Base, folder: Path, cell: Cell) -> None:
    """A run is started from each of two dashboards; then one of them is killed."""
    stage = next(name for name, row in base.stages.items() if row.kind == "freeze")
    with world(base, folder, {stage, "convert:float16", LAST}) as made:
        runs = [made.add_run(Status.CANCELLED) for _ in range(2)]
        with dashboards(made, 2) as apps, browser() as open_page:
            pages = [open_page() for _ in apps]
            for page, app, run_id in zip(pages, apps, runs, strict=True):
                press_resume(page, app, run_id)
            until(lambda: made.draft(stage), "No run began.", 120, poll=0.01)
            apps[0].kill()
            for run_id in runs:
                made.settled(run_id)
            other = pages[1]
            other.goto(f"{apps[1].url}/results?run={runs[0]}")
            other.get_by_text("int8").filter(visible=True).first.wait_for(timeout=120_000)
            if other.locator("[data-testid='stException']").count():
                cell.problems.append("The other dashboard shows an error.")
        states = sorted(made.stage_rows(run_id)[stage].state.value for run_id in runs)
        if states != ["done", "reused"]:
            cell.problems.append(f"The stage is {' and '.join(states)} instead of made once.")
        for run_id in runs:
            check_whole(made, run_id, cell)
        cell.how = "both runs went on; the other dashboard shows them"


@dataclass(frozen=True)
class Special:
    """A fault beside the stages.

    Attributes:
        title: For people.
        act: Does it.
    """

    title: str
    act: Callable[[Base, Path, Cell], None]


SPECIALS: dict[str, Special] = {
    "index-half": Special("database cut in half", index_halved),
    "index-empty": Special("database emptied", index_emptied),
    "index-garbage": Special("database overwritten", index_garbage),
    "checkpoint": Special("checkpoint truncated", checkpoints),
    "network": Special("network away in a download", network),
    "dataset": Special("dataset of a queued run deleted", dataset_deleted),
    "same-run": Special("one run driven by two processes", same_run),
    "dashboards": Special("two dashboards on one store, one killed", two_dashboards),
}
