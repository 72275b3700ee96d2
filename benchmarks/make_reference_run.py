"""Writes a finished run as the reference run that ships in `assets/reference_run/`.

Only results and per-image predictions are written, never a photo; the folder the photos came from
is replaced by a description, because it means nothing on another machine.

    python benchmarks/make_reference_run.py RUN_ID --title "..." --source "..."
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys

from effq_core.pipeline.stages.files import RESULTS_FILE
from effq_core.settings import ASSETS, Home
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database

DATASET = "folder:imagenette"
PREDICTIONS_FILE = "predictions.npz"


def main() -> int:
    """Copies the run's results and predictions."""
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
    results["experiment"]["dataset"] = DATASET
    results["dataset"] |= {
        "title": choices.title,
        "source": choices.source,
        "licence": choices.licence,
    }
    folder = ASSETS / "reference_run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, values in results["variants"].items():
        stored = home.artifacts / values["predictions"] / PREDICTIONS_FILE
        values["predictions"] = f"predictions/{name}"
        (folder / values["predictions"]).mkdir(parents=True)
        shutil.copyfile(stored, folder / values["predictions"] / PREDICTIONS_FILE)
        values["artifact"] = ""  # the files themselves are too large to ship
    text = json.dumps(results, ensure_ascii=False, indent=1)
    if str(home.root) in text or "folder:/" in text:
        parser.error("a path of this machine is in the results; nothing may be shipped")
    (folder / RESULTS_FILE).write_text(text + "\n", encoding="utf-8")
    print(f"wrote {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
