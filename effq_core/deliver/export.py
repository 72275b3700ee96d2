"""Writing a run's results and files into a folder that can be handed on."""

import json
import shutil
import tempfile
from pathlib import Path

from effq_core.base.csv_table import csv_text
from effq_core.base.errors import InputError, StoreError
from effq_core.base.files import make_folder, store_errors
from effq_core.deliver.export_readme import readme
from effq_core.experiment.variants import BASELINE, CATALOGUE
from effq_core.measure.predictions import Predictions
from effq_core.results import RESULTS_FILE, Results, Row, rows
from effq_core.runtimes.registry import RUNTIMES
from effq_core.store.manifest import hash_file

CSV_FILE = "results.csv"
LABELS_FILE = "labels.txt"
README_FILE = "README.md"
PREDICTIONS_FILE = "predictions.csv"


def export(results: Results, target: Path, *, name: str = "", force: bool = False) -> list[Path]:
    """Writes results, ``.tflite`` files, labels and how to use them into a folder.

    New folders appear whole or not at all. With ``force`` a folder may hold something: only files
    of an earlier export are replaced. Raises InputError if it is a file or holds something, or the
    run has no files, StoreError if a file is damaged or cannot be written.
    """
    target = target.expanduser().absolute()
    occupied = _check_target(target, force=force)
    make_folder(target.parent)
    with store_errors(target):
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            draft.chmod(0o755)  # mkdtemp's is for its maker alone
            _write(results, draft, name)
            names = sorted(path.name for path in draft.iterdir())
            if occupied:
                _replace(draft, target, names)
            else:
                draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return [target / file for file in names]


def predictions_rows(results: Results) -> list[Row]:
    """Lists each image's key, true class and answers; may raise InputError or StoreError."""
    labels = results.labels()
    answers: dict[str, Predictions] = {name: results.predictions(name) for name in results.variants}
    first = next(iter(answers.values()))
    truth = first.truth
    columns = {
        name: (answer.predicted, answer.probabilities.max(axis=1))
        for name, answer in answers.items()
    }
    table: list[Row] = []
    for index, key in enumerate(first.keys):
        row: Row = {"image": key, "true_class": None if truth is None else labels[truth[index]]}
        for name, (predicted, confidence) in columns.items():
            row[f"{name}_class"] = labels[predicted[index]]
            row[f"{name}_confidence"] = round(float(confidence[index]), 6)
        table.append(row)
    return table


def _check_target(target: Path, *, force: bool) -> bool:
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file.", "Name a folder.")
    with store_errors(target):
        occupied = target.is_dir() and any(target.iterdir())
    if occupied and not force:
        raise InputError(
            f"The folder {target} is not empty.", "Name another one, or add --force to write to it."
        )
    return occupied


def _write(results: Results, folder: Path, run: str) -> None:
    if not results.with_files:
        results.model_file(BASELINE)  # raises, and says why
    for name in results.with_files:
        path = results.model_file(name)
        copy = folder / f"{name}{path.suffix}"
        shutil.copyfile(path, copy)
        if hash_file(copy) != results.variants[name].file.sha256:
            raise StoreError(
                f"{path} is damaged: it is not the file that was measured.",
                "`effq doctor --repair` sets it aside; then run the experiment again.",
            )
    texts = {
        LABELS_FILE: "".join(f"{label}\n" for label in results.labels()),
        CSV_FILE: csv_text(rows(results)),
        PREDICTIONS_FILE: csv_text(predictions_rows(results)),
        RESULTS_FILE: json.dumps(results.plain, ensure_ascii=False, indent=1) + "\n",
        README_FILE: readme(results, run),
    }
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="utf-8")
    for name in results.with_files:
        for file, content in results.companions(name).items():
            (folder / file).write_bytes(content)


def _replace(draft: Path, target: Path, names: list[str]) -> None:
    for file in names:
        (draft / file).replace(target / file)
    # A variant of an earlier export that this run lacks would pass for one of this run.
    earlier = {
        file
        for variant in CATALOGUE.values()
        for runtime in RUNTIMES.values()
        for file in (f"{variant.name}{runtime.suffix}", *variant.files)
    }
    for file in earlier - {*names}:
        (target / file).unlink(missing_ok=True)
