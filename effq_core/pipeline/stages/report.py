"""The last stage: every measurement of a run in one document, with gates and warnings."""

from pathlib import Path
from typing import Any

from effq_core.base import hardware
from effq_core.experiment.variants import BASELINE, get_variant, is_ready
from effq_core.measure.gate import Evidence, gates_of_file, gates_of_samples
from effq_core.measure.gates.disjoint import ROLES
from effq_core.measure.predictions import Predictions
from effq_core.measure.statistics import compare, sentence
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import STATISTICS, stage
from effq_core.pipeline.stage import BENCHMARK
from effq_core.pipeline.stages.measure import LATENCY_FILE, read_json, write_json
from effq_core.results.warnings import warnings_of
from effq_core.runtimes.registry import packages
from effq_core.store.manifest import RESULTS_FILE


@stage("report:report", title="Assemble the results", version=2, libraries=STATISTICS)
def report(context: StageContext) -> dict[str, Any]:
    """Puts a run's results together.

    Params: ``experiment``, ``use``, ``normalisation`` (the model's); ``ignored`` where an output
    is no answer and, with a new head, ``head_note``. Inputs: ``index``, ``model``, samples,
    ``lookalikes`` where there are several samples, ``benchmark`` with all timings, and for each
    variant ``<what>:<variant>`` with ``file``, ``inspect``, ``evaluate``; where they exist
    ``keras:<variant>``, ``training:<variant>`` and, for a file that takes the photos in another
    way, ``evaluation:<variant>``.
    """
    names, ignored = context.params["experiment"]["variants"], context.params.get("ignored")
    variants = {name: _variant(context, name) for name in names}
    baseline = variants[BASELINE]["file"]["size_bytes"]
    for values in variants.values():
        size = values["file"]["size_bytes"]
        values["compression"] = baseline / size
        values["saved_percent"] = 100 * (1 - size / baseline)
    samples: dict[str, Any] = {r: context.summaries[r] for r in ROLES if r in context.inputs}
    results: dict[str, Any] = {
        "format": 1,
        "experiment": context.params["experiment"],
        "head_use": context.params["use"],
        "model": {**context.summaries["model"], **({"ignored": ignored} if ignored else {})},
        "dataset": context.summaries["index"],
        "samples": samples,
        "variants": variants,
        "gates": [gate.to_dict() for gate in gates_of_samples(context)],
        "head_note": context.params.get("head_note", ""),
        "hardware": hardware.describe().to_dict(),
        "versions": hardware.library_versions(packages()),
    }
    results["warnings"] = [each.text for each in warnings_of(results)]
    write_json(context.out / RESULTS_FILE, results)
    return {"variants": names}


def _variant(context: StageContext, name: str) -> dict[str, Any]:
    folder = context.inputs[f"inspect:{name}"]
    accuracy = context.inputs[f"evaluate:{name}"]
    file = read_json(folder / "file.json")
    values: dict[str, Any] = {
        "title": get_variant(name).title,
        # An added file is measured, not handed out again.
        "artifact": "" if is_ready(name) else _relative(context.inputs[f"file:{name}"]),
        "predictions": _relative(accuracy),
        "file": file,
        "accuracy": read_json(accuracy / "accuracy.json"),
        "comparison": None,
        "sentence": None,
        "latency": read_json(context.inputs[BENCHMARK] / LATENCY_FILE)[name],
        "conversion": context.summaries[f"file:{name}"],
        "training": context.summaries.get(f"training:{name}"),
        "gates": [gate.to_dict() for gate in gates_of_file(Evidence(context, get_variant(name)))],
    }
    if name != BASELINE:
        comparison = compare(
            Predictions.load(context.inputs[f"evaluate:{BASELINE}"]), Predictions.load(accuracy)
        )
        values["comparison"] = comparison.to_dict()
        values["sentence"] = sentence(comparison, BASELINE, name)
    return values


def _relative(artifact: Path) -> str:
    return f"{artifact.parent.name}/{artifact.name}"
