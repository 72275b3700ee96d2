"""What a run was about: the facts a reader needs before any number, and every setting."""

from effq_core.base import formatting as fmt
from effq_core.base.hardware import Hardware
from effq_core.base.intervals import proportion
from effq_core.experiment import REFERENCE, Experiment
from effq_core.experiment.low_bits import trained_part
from effq_core.experiment.variants import FITTED, MIXED
from effq_core.measure.latency import NOT_TOGETHER
from effq_core.models.catalogue import MODELS
from effq_core.results.document import Results, VariantResult
from effq_core.results.several import calibration_text, qat_text

HEADS = {
    "whole": "the model's own; the photos' classes are its classes",
    "subset": "the model's own; the photos' classes are some of its classes",
    "new": "a new one on the model's frozen features, because the photos' classes are new",
    "unlabelled": "photos without labels: agreement with float32, no accuracy",
}
BITS = "Fitted bits"  # name of the setting that says what ``fitted`` is made of
KEPT = "Kept in floats"  # name of the setting that says what ``int8_mixed`` is made of


def facts(results: Results) -> list[str]:
    """Says what was measured, on what and where: model, photos and n, threads, seed, processor."""
    size = results.model["image_size"]
    threads = " and ".join(fmt.count(count) for count in results.threads)
    noun = "thread" if results.threads == (1,) else "threads"
    measured = results.experiment.files_of
    return [
        *([f"Files of {files_text(measured)}"] if measured else []),
        f"{results.model['title']} at {size} × {size} px",
        f"{results.dataset['title']}, n = {fmt.counted(results.baseline.accuracy.n, 'photo')}",
        f"{threads} {noun} of {results.hardware.cpu}",
        f"seed {results.experiment.seed}",
    ]


def files_text(run: str) -> str:
    """Names the run whose files were measured."""
    return "the reference run" if run == REFERENCE else f"the run {run}"


def machine(hardware: Hardware) -> str:
    """Names a machine in a few words."""
    flags = f", {', '.join(hardware.flags)}" if hardware.flags else ""
    return f"{hardware.cpu} ({fmt.counted(hardware.logical_cores, 'hardware thread')}{flags})"


def settings(results: Results) -> list[tuple[str, str]]:
    """Lists everything a run was made with; a folder of photos by its title, never by its path."""
    experiment, hardware = results.experiment, results.hardware
    found = [
        ("Model", f"{results.model['title']}, {fmt.count(_parameters(results))} parameters"),
        ("Weights", f"{results.model['source']} Licence: {results.model['licence']}."),
        ("Head", head_text(results)),
        ("Input", results.image_input.text),
        ("Photos", f"{results.dataset['title']} ({fmt.count(results.dataset['images'])} in all)"),
        ("Source", f"{results.dataset['source']} Licence: {results.dataset['licence']}."),
    ]
    for role, sample in results.samples.items():
        skipped = len(sample["skipped"])
        text = fmt.counted(sample["count"], "photo")
        found.append((f"{role.capitalize()} sample", f"{text}, {skipped} skipped"))
    if experiment.files_of:
        found.append(("Files", f"those of {files_text(experiment.files_of)}, as they are"))
    found += [
        ("Calibration", calibration_text(results)),
        *([(KEPT, kept_text(results))] if MIXED in results.variants else []),
        *([(BITS, bits_text(results))] if FITTED in results.variants else []),
        ("Fine-tuning", "; ".join(filter(None, (qat_text(results), shipped_epochs(results))))),
        ("Latency", _timing(results)),
        ("Seed", _seed(experiment)),
        ("Machine", f"{machine(hardware)}, {fmt.size(hardware.memory_bytes)} of memory"),
        ("System", f"{hardware.system}, Python {hardware.python}"),
        ("Governor", hardware.governor or "not known"),
    ]
    return found


def _parameters(results: Results) -> int:
    """Returns the model card's count; the run's own adds what scales the input, no weights."""
    card = MODELS.get(results.experiment.model)
    if card is None or results.head_use == "new":
        return int(results.model["parameters"])
    return card.parameters


def ignored_text(results: Results) -> str:
    """Says which output of the model is no answer; empty where each is."""
    ignored = results.model.get("ignored")
    return f"its output “{ignored}” is left out, as the photos have no such class" * bool(ignored)


def ignored_output(results: Results) -> int | None:
    """Returns the place of the output that is no answer; ``None`` where each is one."""
    ignored = str(results.model.get("ignored") or "").casefold()
    names = [label.casefold() for label in results.labels()]
    return names.index(ignored) if ignored in names else None


def head_text(results: Results) -> str:
    """Says what became of the head, and how a new one was trained and does; no full stop."""
    text = HEADS.get(results.head_use, results.head_use)
    if ignored := ignored_text(results):
        text += f"; {ignored}"
    trained = results.model.get("head")
    if not trained:
        return text
    right = proportion(trained["right"], max(1, trained["validated_on"]))
    stopped = "" if trained["converged"] else f", stopped after {trained['iterations']} steps"
    return (
        f"{text}: a logistic regression of {fmt.counted(trained['trained_on'], 'photo')}"
        f" of {fmt.counted(trained['classes'], 'class', 'classes')}{stopped};"
        f" {fmt.share_with_interval(right.share, right.low, right.high)} right on"
        f" {fmt.counted(trained['validated_on'], 'held-out photo')}"
    )


def kept_text(results: Results) -> str:
    """Says what ``int8_mixed`` keeps in floats, and who chose it."""
    made = results.variants[MIXED].conversion
    if found := made.get("sentence"):
        return str(found)
    names = ", ".join(made.get("keep") or ()) or "nothing"
    return f"{names}; kernels stored in {made.get('precision')}; chosen by hand"


def bits_text(results: Results) -> str:
    """Says how many bits ``fitted`` has where, and who chose them."""
    made = results.variants[FITTED].conversion
    blocks = ", ".join(f"{name} {bits:g}" for name, bits in (made.get("blocks") or {}).items())
    said = str(made.get("sentence") or "chosen by hand").removesuffix(".")
    return f"mean bits of a weight by block: {blocks}; {said}"


def _timing(results: Results) -> str:
    timings = results.baseline.latency
    if not timings:
        return "not measured"
    samples = fmt.counted(len(timings[0].samples_ms), "timed invocation")
    threads = ", ".join(fmt.count(count) for count in results.threads)
    warmup = f"{fmt.count(timings[0].warmup)} to warm up"
    rounds = len(timings[0].rounds)
    how = f"in {rounds} rounds, all files in turn, each" if rounds else NOT_TOGETHER
    return f"{samples} {how} after {warmup}; threads: {threads}"


def _seed(experiment: Experiment) -> str:
    """Writes the seed; of a sweep's run also the one its evaluation photos are drawn by."""
    if experiment.common_seed in (None, experiment.seed):
        return str(experiment.seed)
    return f"{experiment.seed}; evaluation photos by {experiment.common_seed}, as in its sweep"


def training_text(variant: VariantResult) -> str:
    """Says how a variant's weights or ranges were made: operators, photos, loss, epoch shipped."""
    training = variant.training or {}
    parts = []
    if counted := training.get("fake_quant"):
        parts.append(
            f"{fmt.count(counted['per_channel'])} per-channel and "
            f"{fmt.count(counted['per_tensor'])} per-tensor fake-quant operators"
        )
    history = training.get("history")
    if not history:
        return "; ".join([*parts, "ranges calibrated, no training step"])
    epochs = fmt.counted(len(history) - 1, "epoch")
    photos = f"{fmt.counted(training['images'], 'photo')} ({fmt.count(history[-1]['n'])} held out)"
    parts.append(f"{epochs} on {photos}, loss {training['loss']}")
    if block := training.get("train_from"):
        parts.append(trained_part(block))
    return "; ".join([*parts, shipped_epoch(variant)])


def shipped_epoch(variant: VariantResult) -> str:
    """Names the epoch whose weights a variant's file holds; empty where nothing was trained."""
    training = variant.training or {}
    history = training.get("history")
    if not history:
        return ""
    return (
        f"epoch {training['best_epoch']} of {len(history) - 1} is shipped, the best on the "
        "held-out photos"
    )


def shipped_epochs(results: Results) -> str:
    """Names the epoch that each trained variant of a run ships; empty where none was trained."""
    trained = [(each.title, shipped_epoch(each)) for each in results.variants.values()]
    return "; ".join(f"{title}: {text}" for title, text in trained if text)
