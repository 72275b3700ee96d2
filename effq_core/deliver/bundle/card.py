"""The model card of a bundle: what the file is, from what, measured how, and what for."""

import re
from collections.abc import Iterable

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.base.intervals import Proportion
from effq_core.deliver.export_readme import colours, feeding, preparation, reading
from effq_core.experiment.variants import BASELINE, FITTED, MIXED, get_variant
from effq_core.measure.latency import MARK, LatencyReport
from effq_core.measure.statistics import sentence
from effq_core.results import Results, VariantResult
from effq_core.results.several import qat_text
from effq_core.results.subject import BITS, KEPT, ignored_text, settings, training_text
from effq_core.tflite.needs import Need, need_of

_MARKDOWN = re.compile(r"([\\`*_\[\]|<>~])")
_ABOUT_CALIBRATION = ("Calibration", "Calibration sample")
_ABOUT_TRAINING = ("Fine-tuning", "Training sample")

_MARKED = (
    f"A ratio marked {MARK} was made from a disturbed timing: time again before you rely on it."
)

Line = tuple[str, str, str]  # what is measured, the variant's value, float32's


def model_card(results: Results, variant: str, run: str = "") -> str:
    """Writes a variant's card in Markdown; text that people chose is escaped."""
    own = results.variants[variant]
    about = get_variant(variant).summary
    named = f' in the run "{_plain(run)}"' if run else ""
    parts = [
        f"# {_plain(results.model['title'])}, {_plain(own.title)}",
        f"{about} Made and measured by EffQ Studio{named}.".strip(),
        "## What it does",
        _purpose(results),
        _feeding(results, own),
        "## Numbers",
        _numbers(results, own),
        *_sentences(results, own),
        "## Checks",
        _checks(results, own),
        "## What it was made from, and how",
        _pairs(_origin(results, variant)),
        "## How it was measured",
        _measured(results, own),
        "## How to run it",
        _running(own, needed_runtime(results, variant)),
        "## Terms",
        _terms(results),
        f"`{variant}.tflite`: {fmt.count(own.file.size_bytes)} bytes, SHA-256 `{own.file.sha256}`.",
    ]
    first = [each.text for each in results.warnings if each.variant in ("", variant)]
    failed = [gate.rule.title for gate in (*results.gates, *own.gates) if not gate.passed]
    if failed:
        first.insert(0, f"Failed checks: {'; '.join(failed)}. See below.")
    if first:
        parts[2:2] = ["**Read first:**\n\n" + "\n".join(f"- {_plain(line)}" for line in first)]
    return "\n\n".join(parts) + "\n"


def _plain(text: object) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(str(text).split()))


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    lines = [f"| {_plain(name)} | {_plain(value)} |" for name, value in pairs]
    return "\n".join(["| | |", "|---|---|", *lines])


def _purpose(results: Results) -> str:
    classes = fmt.counted(len(results.labels()), "class", "classes")
    return (
        f"It says which of {classes} (`labels.txt`) a photo shows. It always answers with one of "
        "them, even for a photo that shows none. The numbers below hold for photos like those "
        "it was measured on; for others they can be far worse: measure it on your own."
    )


def _feeding(results: Results, own: VariantResult) -> str:
    taken, answer = results.image_input, own.file.outputs[0]
    size = taken.side
    # What was said of the model's own outputs is not true of a new head's.
    notes = results.model.get("notes", ()) if results.head_use != "new" else ()
    ignored = ignored_text(results)
    left_out = [f"{ignored[0].upper()}{ignored[1:]}."] if ignored else []
    said = " ".join(_plain(note) for note in (*notes, *left_out))
    return (
        f"Input: one photo, {size} × {size} pixels, {colours(taken)}: "
        f"{feeding(own.file.inputs[0])}. Preprocessing is inside the file: do **not** scale to "
        f"0–1 or subtract a mean. {preparation(taken)}\n\n"
        f"Output: {reading(answer)}, in the order of `labels.txt`. {said}".rstrip()
    )


def _numbers(results: Results, own: VariantResult) -> str:
    base = results.baseline
    is_base = own.name == BASELINE
    head = ["", own.title] + ([] if is_base else [base.title])
    lines = [
        f"| {' | '.join(map(_plain, head))} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(line[: len(head)])} |" for line in _lines(results, own, base)),
    ]
    return "\n".join(lines)


def _lines(results: Results, own: VariantResult, base: VariantResult) -> list[Line]:
    both = own, base
    comparison = own.comparison

    def line(name: str, values: Iterable[str]) -> Line:
        first, second = values
        return name, first, second

    found = [
        line("Size", (fmt.kib(each.file.size_bytes) for each in both)),
        ("Times smaller than float32", fmt.ratio(own.compression), fmt.NOTHING),
        line("Evaluation photos, n", (fmt.count(each.accuracy.n) for each in both)),
    ]
    if own.accuracy.top1 is not None:
        found += [
            line("Top-1 (95 % interval)", (_share(each.accuracy.top1) for each in both)),
            line("Top-5 (95 % interval)", (_share(each.accuracy.top5) for each in both)),
        ]
    if comparison is not None:
        if comparison.difference_points is not None:
            interval = fmt.points_interval(comparison.low_points, comparison.high_points)
            text = f"{fmt.points(comparison.difference_points)} ({interval})"
            found.append(("Difference in top-1 (95 % interval)", text, fmt.NOTHING))
        same = _share(comparison.agreement)
        found.append(("Same answer as float32 (95 % interval)", same, fmt.NOTHING))
    for threads in results.threads:
        timings = [each.timing(threads) for each in both]
        about = fmt.counted(threads, "thread")
        found += [
            line(f"Median latency, {about} (95 % interval)", map(_median, timings)),
            line(f"99 % within, {about}", (_ms(each, "p99_ms") for each in timings)),
            line(f"Cold start, {about}", (_ms(each, "cold_start_ms") for each in timings)),
        ]
        ratio = results.speedup(own.name, threads)
        faster = fmt.NOTHING if ratio is None else ratio.full_text
        found.append((f"Times faster than float32, {about}", faster, fmt.NOTHING))
    if own.name == BASELINE:  # beside itself it needs no comparison
        found = [entry for entry in found if "than float32" not in entry[0]]
    return found


def _share(share: Proportion | None) -> str:
    if share is None:
        return fmt.NOTHING
    return fmt.share_with_interval(share.share, share.low, share.high)


def _median(timing: LatencyReport | None) -> str:
    if timing is None:
        return fmt.NOTHING
    low, high = fmt.milliseconds(timing.median_low_ms), fmt.milliseconds(timing.median_high_ms)
    return f"{fmt.milliseconds(timing.median_ms)} ({low} to {high})"


def _ms(timing: LatencyReport | None, name: str) -> str:
    return fmt.NOTHING if timing is None else fmt.milliseconds(getattr(timing, name))


def _sentences(results: Results, own: VariantResult) -> list[str]:
    found = []
    if own.comparison is not None:
        found.append(_plain(sentence(own.comparison, results.baseline.title, own.title)))
    busy = dict.fromkeys(
        timing.warning
        for each in (results.baseline, own)
        for timing in each.latency
        if timing.disturbed
    )
    return [*found, *map(_plain, busy), *([_plain(_MARKED)] if busy else [])]


def _checks(results: Results, own: VariantResult) -> str:
    gates = [("its samples", gate) for gate in results.gates]
    gates += [("this file", gate) for gate in own.gates]
    failed = [gate for _, gate in gates if not gate.passed]
    said = (
        f"**{len(failed)} of {fmt.counted(len(gates), 'check')} FAILED:** do not rely on the "
        "numbers above until you know why."
        if failed
        else f"All {fmt.counted(len(gates), 'check')} passed."
    )
    lines = [
        f"| {_plain(gate.rule.title)} | {about} | "
        f"{'passed' if gate.passed else '**FAILED**'} | {_plain(gate.text)} |"
        for about, gate in gates
    ]
    return "\n".join([said, "", "| Check | Of | Outcome | Numbers |", "|---|---|---|---|", *lines])


def _origin(results: Results, variant: str) -> list[tuple[str, str]]:
    """Lists the settings that made this variant; those of other variants would mislead."""
    row = get_variant(variant)
    unused: list[str] = ["Latency", "Machine", "System", "Governor", "Evaluation sample"]
    if not row.needs_calibration:
        unused += _ABOUT_CALIBRATION
    if not row.trained:
        unused += _ABOUT_TRAINING
    made_of = (variant, *row.needs)
    unused += [name for name, owner in ((KEPT, MIXED), (BITS, FITTED)) if owner not in made_of]
    own = {"Fine-tuning": f"{qat_text(results)}; {training_text(results.variants[variant])}"}
    found = [
        (name, own.get(name, value)) for name, value in settings(results) if name not in unused
    ]
    rule = results.variants[variant].rounding_rule
    return [*found, ("Rounding rule", f"{rule}. {tip('rounding')}")] if rule else found


def _measured(results: Results, own: VariantResult) -> str:
    wanted = ("Photos", "Evaluation sample", "Latency", "Machine", "System", "Governor")
    pairs = [pair for pair in settings(results) if pair[0] in wanted]
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    text = (
        "Shares are of the evaluation photos, with Wilson's interval; the difference to float32 is "
        "on the same photos. That none of them was used for calibration or training is among the "
        "checks above. Latency is one invocation on a decoded photo, in fresh processes, with "
        f"{results.runtime(own.name).title}'s CPU kernels; on another processor it differs: "
        "`bench.py` measures it there."
    )
    return f"{text}\n\n{_pairs([*pairs, ('Versions', versions)])}"


def needed_runtime(results: Results, variant: str) -> Need | None:
    """Returns what a variant's file asks of LiteRT, where it asks for anything."""
    path = results.model_file(variant) if variant in results.with_files else None
    return need_of(path) if path is not None and path.suffix == ".tflite" else None


def _running(own: VariantResult, need: Need | None) -> str:
    older = f"not every older version does. {need.text}" if need else "older versions work too."
    return (
        "```\npip install -r requirements.txt\npython classify.py photo.jpg\n"
        'python bench.py --device "My board"\n```\n\n'
        "`classify.py` needs LiteRT, numpy and Pillow; with the versions of `requirements.txt` "
        "(Python 3.11 or later) its answers are those of EffQ Studio to the last bit on the same "
        f"kind of processor; {older} `bench.py` needs LiteRT and numpy and "
        f"writes `timings.json`, which EffQ Studio charts beside its own timings of "
        f"`{own.name}.tflite`."
    )


def _terms(results: Results) -> str:
    return (
        f"Weights: {_plain(results.model['licence'])}. Source: {_plain(results.model['source'])}\n"
        f"\nPhotos (not included): {_plain(results.dataset['licence'])}. Source: "
        f"{_plain(results.dataset['source'])}\n\n`classify.py` and `bench.py`: Apache-2.0."
    )
