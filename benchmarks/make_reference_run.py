"""Writes a finished run as the reference run that ships in `assets/reference_run/`.

Results, per-image predictions, the `.tflite` files of the standard variants and the tensors of the
Learn page are written, never a photo; the folder the photos came from is replaced by a
description, because it means nothing on another machine. Of the controls only the measurements
ship: nobody deploys their files.

    python benchmarks/make_reference_run.py RUN_ID --title "..." --source "..."
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from effq_core.base.settings import Home
from effq_core.experiment.variants import standard
from effq_core.learn.access import ROUNDING_STAGE, find_rounding, find_tensors
from effq_core.learn.access import STAGE as TENSORS
from effq_core.learn.rounding import RoundingRecord
from effq_core.learn.tensors import ARRAYS_FILE, INDEX_FILE
from effq_core.results.document import REFERENCE_FOLDER, Results
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.manifest import RESULTS_FILE, hash_file

DATASET = "folder:imagenette"
PREDICTIONS_FILE = "predictions.npz"
MODEL_FILE = "model.tflite"
LABELS_FILE = "labels.txt"


def main() -> int:
    """Copies the run's results, predictions and files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("--title", required=True, help="name of the dataset, for people")
    parser.add_argument("--source", required=True, help="where its photos come from")
    parser.add_argument("--licence", default="Imagenette's terms: research, non-commercial")
    choices = parser.parse_args()
    home = Home.from_environment()
    run = Database(home.database).get_run(choices.run)
    if run.results is None:
        parser.error(f"run {choices.run} has no results: it is {run.status}")
    report = ArtifactStore(home).find("report", run.results)
    if report is None:
        parser.error("the run's report has disappeared from the store: resume the run")
    results = json.loads((report.path / RESULTS_FILE).read_text(encoding="utf-8"))
    stored = Results.from_dict(results, home.artifacts)
    tensors, rounding = find_tensors(stored), find_rounding(stored)
    if tensors is None:
        parser.error("the run has kept no tensors: resume the run")
    results["experiment"]["dataset"] = DATASET
    results["dataset"] |= {
        "title": choices.title,
        "source": choices.source,
        "licence": choices.licence,
    }
    shutil.rmtree(REFERENCE_FOLDER, ignore_errors=True)
    _copy(tensors, TENSORS, ARRAYS_FILE, INDEX_FILE)
    if rounding is not None:
        _copy(rounding, ROUNDING_STAGE, RoundingRecord.FILE)
    for name, values in results["variants"].items():
        _copy(home.artifacts / values["predictions"], f"predictions/{name}", PREDICTIONS_FILE)
        values["predictions"] = f"predictions/{name}"
        if name in standard():
            _copy_model(home.artifacts / values["artifact"], f"files/{name}", values)
        values["artifact"] = f"files/{name}" if name in standard() else ""
    text = json.dumps(results, ensure_ascii=False, indent=1)
    if str(home.root) in text or "folder:/" in text:
        parser.error("a path of this machine is in the results; nothing may be shipped")
    (REFERENCE_FOLDER / RESULTS_FILE).write_text(text + "\n", encoding="utf-8")
    print(f"wrote {REFERENCE_FOLDER}")
    return 0


def _copy(stored: Path, place: str, *files: str) -> None:
    (REFERENCE_FOLDER / place).mkdir(parents=True)
    for file in files:
        shutil.copyfile(stored / file, REFERENCE_FOLDER / place / file)


def _copy_model(stored: Path, place: str, values: dict[str, Any]) -> None:
    _copy(stored, place, MODEL_FILE, LABELS_FILE)
    if hash_file(REFERENCE_FOLDER / place / MODEL_FILE) != values["file"]["sha256"]:
        raise SystemExit(f"{stored / MODEL_FILE} is not the file that was measured")


if __name__ == "__main__":
    sys.exit(main())
