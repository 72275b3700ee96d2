"""The last stage: every measurement of a run in one document, with gates and warnings."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

from effq_core.base import hardware
from effq_core.experiment.variants import BASELINE, get_variant, is_ready
from effq_core.measure import gates as gate_rules
from effq_core.measure.agreement_gate import float32_gate
from effq_core.measure.diagnosis import Subject, labels_gate
from effq_core.measure.gates import Gate
from effq_core.measure.lookalike_gate import Comparison, lookalike_gate
from effq_core.measure.predictions import Predictions
from effq_core.measure.statistics import compare, sentence
from effq_core.models.card import Normalisation
from effq_core.models.file_input import read_feeding
from effq_core.photos.pixels import read_pixels
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import STATISTICS, stage
from effq_core.pipeline.report_inputs import BENCHMARK
from effq_core.pipeline.stages.measure import LATENCY_FILE, read_json, write_json
from effq_core.pipeline.stages.variant_gates import Evidence, gates_of
from effq_core.runtimes.registry import model_in, packages
from effq_core.store.stage_files import (
    LABELS_FILE,
    LOOKALIKES_FILE,
    RESULTS_FILE,
)

ROLES = ("calibration", "training", "evaluation")
LOOKALIKES = "lookalikes"


@stage("report:report", title="Put the results together", version=2, libraries=STATISTICS)
def report(context: StageContext) -> dict[str, Any]:
    """Puts a run's results together.

    Params: ``experiment``, ``use``, ``normalisation`` (the model's); ``ignored`` where an output
    is no answer and, with a new head, ``head_note``. Inputs: ``index``, ``model``, samples,
    ``lookalikes`` where there are several samples, ``benchmark`` with all timings, and for each
    variant ``<what>:<variant>`` with ``file``, ``inspect``, ``evaluate``; where they exist
    ``keras:<variant>``, ``training:<variant>`` and, for a file that takes the photos in another
    way, ``evaluation:<variant>``.
    """
    names = context.params["experiment"]["variants"]
    variants = {name: _variant(context, name) for name in names}
    baseline = variants[BASELINE]["file"]["size_bytes"]
    for values in variants.values():
        size = values["file"]["size_bytes"]
        values["compression"] = baseline / size
        values["saved_percent"] = 100 * (1 - size / baseline)
    samples: dict[str, Any] = {
        role: context.summaries[role] for role in ROLES if role in context.inputs
    }
    gates = [gate.to_dict() for gate in _sample_gates(context)]
    results = {
        "format": 1,
        "experiment": context.params["experiment"],
        "head_use": context.params["use"],
        "model": {**context.summaries["model"], **_ignored(context)},
        "dataset": context.summaries["index"],
        "samples": samples,
        "variants": variants,
        "gates": gates,
        "warnings": _warnings(context, samples, variants, gates),
        "hardware": hardware.describe().to_dict(),
        "versions": hardware.library_versions(packages()),
    }
    write_json(context.out / RESULTS_FILE, results)
    return {"variants": names}


def _ignored(context: StageContext) -> dict[str, Any]:
    return {"ignored": name} if (name := context.params.get("ignored")) else {}


def _variant(context: StageContext, name: str) -> dict[str, Any]:
    folder = context.inputs[f"inspect:{name}"]
    accuracy = context.inputs[f"evaluate:{name}"]
    file = read_json(folder / "file.json")
    values: dict[str, Any] = {
        "title": get_variant(name).title,
        # A file somebody brought is measured, not handed out again.
        "artifact": "" if is_ready(name) else _relative(context.inputs[f"file:{name}"]),
        "predictions": _relative(accuracy),
        "file": file,
        "accuracy": read_json(accuracy / "accuracy.json"),
        "comparison": None,
        "sentence": None,
        "latency": read_json(context.inputs[BENCHMARK] / LATENCY_FILE)[name],
        "conversion": context.summaries[f"file:{name}"],
        "training": context.summaries.get(f"training:{name}"),
        "gates": [gate.to_dict() for gate in _gates(context, name)],
    }
    if name != BASELINE:
        comparison = compare(
            Predictions.load(context.inputs[f"evaluate:{BASELINE}"]), Predictions.load(accuracy)
        )
        values["comparison"] = comparison.to_dict()
        values["sentence"] = sentence(comparison, BASELINE, name)
    return values


def _gates(context: StageContext, name: str) -> list[Gate]:
    kernels = Gate.from_dict(read_json(context.inputs[f"inspect:{name}"] / "kernels.json"))
    own = gates_of(Evidence(context, get_variant(name)))
    return [*_answer_gates(context, name), kernels, *own]


def _answer_gates(context: StageContext, name: str) -> list[Gate]:
    """Sets a variant's answers against float32's, and float32's and brought files' against labels.

    What a variant made here loses is a loss, down to chance; a model that is no better than chance
    to begin with has another fault.
    """
    lines = (context.inputs[f"file:{BASELINE}"] / LABELS_FILE).read_text(encoding="utf-8")
    names = lines.rstrip("\n").split("\n")
    own = Predictions.load(context.inputs[f"evaluate:{name}"])
    found: list[Gate | None] = []
    if name == BASELINE or is_ready(name):
        found.append(labels_gate(own, _subject(context, name), names, context))
    if name != BASELINE:
        baseline = Predictions.load(context.inputs[f"evaluate:{BASELINE}"])
        found.append(float32_gate(baseline, own, names))
    return [gate for gate in found if gate is not None]


def _subject(context: StageContext, name: str) -> Subject:
    pixels = context.inputs.get(f"evaluation:{name}", context.inputs["evaluation"])
    path = model_in(context.inputs[f"file:{name}"])
    # A file somebody brought does nothing first, and is fed what is written beside it.
    ready, fed = is_ready(name), read_feeding(path)
    return Subject(
        title=get_variant(name).title,
        path=path,
        images=read_pixels(pixels)[0],
        folder=context.scratch / name,
        inside=None if ready else Normalisation.from_plain(context.params["normalisation"]),
        outside=fed.normalisation if fed else None,
    )


def _sample_gates(context: StageContext) -> list[Gate]:
    hashes = {
        role: [item.sha256 for item in read_pixels(context.inputs[role])[1]]
        for role in ROLES
        if role in context.inputs
    }
    found = [
        gate_rules.disjoint_gate(a, hashes[a], b, hashes[b]) for a, b in combinations(hashes, 2)
    ]
    if LOOKALIKES in context.inputs:
        compared = read_json(context.inputs[LOOKALIKES] / LOOKALIKES_FILE)
        found += [lookalike_gate(Comparison.from_dict(each)) for each in compared]
    return found


def _warnings(
    context: StageContext,
    samples: dict[str, Any],
    variants: dict[str, Any],
    gates: list[dict[str, Any]],
) -> list[str]:
    found = [note] if (note := context.params.get("head_note")) else []
    if skipped := context.summaries["index"]["skipped"]:
        found.append(f"{skipped:,} images of the dataset were left out when it was scanned.")
    for role, summary in samples.items():
        if summary["skipped"]:
            found.append(f"{len(summary['skipped']):,} broken images were skipped for {role}.")
        if summary["count"] < summary["asked"]:
            found.append(
                f"{role.capitalize()} has {summary['count']:,} images of {summary['asked']:,}."
            )
    found += _unknown_samples(context, samples)
    found += [
        f"The gate {gate['name']} failed. {gate['detail']}" for gate in gates if not gate["passed"]
    ]
    for name, values in variants.items():
        title = values["title"]
        for timing in values["latency"]:
            cores = timing["hardware"]["logical_cores"]
            if timing["threads"] > cores:
                found.append(f"{title}: {timing['threads']} threads share {cores} cores.")
            if timing["warning"]:
                threads = "1 thread" if timing["threads"] == 1 else f"{timing['threads']} threads"
                found.append(f"{title}, {threads}: {timing['warning']}")
        found += [
            f"{title}: the gate {gate['name']} failed. {gate['detail']}"
            for gate in values["gates"]
            if not gate["passed"]
        ]
        if (values["comparison"] or {}).get("too_small_to_tell"):
            found.append(f"{title}: too few images to tell a small loss from none.")
        if (judged := get_variant(name).beside) and judged not in variants:
            found.append(f"{title} is a control for {judged}, which was not chosen.")
    return found


def _unknown_samples(context: StageContext, samples: dict[str, Any]) -> list[str]:
    """Names the samples that made another run's files and that nobody can compare with any more."""
    experiment = context.params["experiment"]
    if not experiment.get("files_of"):
        return []
    made = [get_variant(name) for name in experiment["variants"]]
    used = {
        "calibrated": ("calibration", any(variant.needs_calibration for variant in made)),
        "trained": ("training", any(variant.trained for variant in made)),
    }
    return [
        f"Whether the files were {what} on some of these photos cannot be checked: the "
        f"{role} sample is not on this machine."
        for what, (role, needed) in used.items()
        if needed and role not in samples
    ]


def _relative(artifact: Path) -> str:
    """Returns ``<kind>/<fingerprint>``: where in any store an artifact is."""
    return f"{artifact.parent.name}/{artifact.name}"
