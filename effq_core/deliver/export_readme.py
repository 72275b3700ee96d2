"""The README of an exported folder: what is in it and how to feed the files."""

from effq_core.base import formatting as fmt
from effq_core.experiment.variants import PTQ, get_variant
from effq_core.measure.latency import MARK
from effq_core.photos.image_input import COLOUR, GREY, LUMA, ImageInput, Resize
from effq_core.results import Results
from effq_core.results.document import VariantResult
from effq_core.runtimes.file_report import TensorInfo

_CROP = """\
scale = SIZE / min(image.size)
image = image.resize([max(SIZE, round(side * scale)) for side in image.size], Image.BICUBIC)
left, top = (image.width - SIZE) // 2, (image.height - SIZE) // 2
image = image.crop((left, top, left + SIZE, top + SIZE))"""
_STRETCH = "image = image.resize((SIZE, SIZE), Image.BICUBIC)"
_SNIPPET = """```python
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps

SIZE = {size}
image = ImageOps.exif_transpose(Image.open("photo.jpg")).convert("RGB"){grey}
{square}
pixels = np.asarray(image).reshape(SIZE, SIZE, {channels})  # uint8

interpreter = Interpreter("{file}", num_threads=1)
interpreter.allocate_tensors()
[entry], [exit_] = interpreter.get_input_details(), interpreter.get_output_details()
value = pixels.astype(np.float32)
if entry["dtype"] != np.float32:  # integer input
    step, zero = entry["quantization"]
    limits = np.iinfo(entry["dtype"])
    value = np.clip(np.rint(value / step) + zero, limits.min, limits.max)
interpreter.set_tensor(entry["index"], value[np.newaxis].astype(entry["dtype"]))
interpreter.invoke()
answer = interpreter.get_tensor(exit_["index"])[0].astype(np.float32)
if exit_["dtype"] != np.float32:  # integer output
    step, zero = exit_["quantization"]
    answer = (answer - zero) * step
labels = open("labels.txt", encoding="utf-8").read().rstrip("\\n").split("\\n")
for index in np.argsort(-answer, kind="stable")[:5]:
    print(f"{{answer[index]:.3f}}  {{labels[index]}}")
```"""


def readme(results: Results, name: str = "") -> str:
    """Writes the README of an exported folder, in Markdown."""
    entry = results.image_input
    outputs = fmt.counted(len(results.labels()), "probability", "probabilities")
    best = PTQ if PTQ in results.with_files else results.with_files[-1]
    parts = [
        f"# {results.model['title']}, quantized{f' ({name})' if name else ''}",
        f"Exported by EffQ Studio. Measured on {results.dataset['title']}: "
        f"{fmt.counted(results.baseline.accuracy.n, 'evaluation image')}, seed "
        f"{results.experiment.seed}, on {results.hardware.cpu}.",
        _table(results),
        "## Files",
        _files(results),
        "## How to feed them",
        f"Every file takes one photo, `{(1, *entry.shape)}`, as plain {colours(entry)}: the "
        "preprocessing of the model is inside the file, so do **not** scale to 0–1 or subtract a "
        f"mean. {preparation(entry)} The answer has {outputs}, in the order of `labels.txt`.",
        "\n".join(_feeding(results.variants[name]) for name in results.with_files),
        _snippet(entry, f"{best}.tflite"),
        "## Terms",
        f"Weights: {results.model['licence']}. Source: {results.model['source']}\n\n"
        f"Images (not included): {results.dataset['licence']}.",
    ]
    if results.warnings:
        warnings = "\n".join(f"- {warning.text}" for warning in results.warnings)
        parts[3:3] = ["## Warnings", warnings]
    return "\n\n".join(parts) + "\n"


def colours(entry: ImageInput) -> str:
    """Names what an input has: ``RGB`` or ``grey``."""
    return "RGB" if entry.channels == COLOUR else "grey"


def preparation(entry: ImageInput) -> str:
    """Says how a photo becomes an input, in full sentences."""
    side = entry.side
    grey = f" Make it {LUMA}." if entry.channels == GREY else ""
    square = (
        f"stretch it to {side} × {side} pixels (bicubic), whatever its shape."
        if entry.resize is Resize.STRETCH
        else f"resize its shortest side to {side} pixels (bicubic), crop the centre."
    )
    return f"Turn the photo upright (EXIF), {square}{grey}"


def _snippet(entry: ImageInput, file: str) -> str:
    return _SNIPPET.format(
        size=entry.side,
        channels=entry.channels,
        grey='.convert("L")' if entry.channels == GREY else "",
        square=_STRETCH if entry.resize is Resize.STRETCH else _CROP,
        file=file,
    )


def feeding(tensor: TensorInfo) -> str:
    """Says how 0–255 is written into an input tensor, such as ``int8, write RGB − 128``."""
    kind = tensor.dtype.lower()
    value = "grey" if tensor.shape[-1] == GREY else "RGB"
    if tensor.scale is None or tensor.zero_point is None:
        return f"{kind}, write {value} 0–255 as it is"
    if abs(tensor.scale - 1) < 1e-6:
        if tensor.zero_point == 0:
            return f"{kind}, write {value} 0–255 as it is"
        sign = "+" if tensor.zero_point > 0 else fmt.MINUS
        return f"{kind}, write {value} {sign} {abs(tensor.zero_point)}"
    return f"{kind}, write round({value} / {tensor.scale:.9g}) + ({tensor.zero_point})"


def reading(tensor: TensorInfo) -> str:
    """Says how an output is read, such as ``int8, probability = (value + 128) × 0.00390625``."""
    kind = tensor.dtype.lower()
    if tensor.scale is None or tensor.zero_point is None:
        return f"{kind}, probabilities as they are"
    sign = "+" if tensor.zero_point < 0 else fmt.MINUS
    value = f"(value {sign} {abs(tensor.zero_point)})" if tensor.zero_point else "value"
    return f"{kind}, probability = {value} × {tensor.scale:.9g}"


def _feeding(variant: VariantResult) -> str:
    entry, answer = variant.file.inputs[0], variant.file.outputs[0]
    return f"- `{variant.name}.tflite`: input {feeding(entry)}; output {reading(answer)}."


def _files(results: Results) -> str:
    lines = [
        f"- `{name}.tflite`: {get_variant(name).summary}"
        if name in results.with_files
        else f"- {variant.title} was measured; its file is not included."
        for name, variant in results.variants.items()
    ]
    for name in results.with_files:
        lines += [f"- `{file}`: {what}" for file, what in get_variant(name).files.items()]
    lines += [
        "- `labels.txt`: names of the outputs, one a line, in their order.",
        "- `results.csv`: every number, one row a variant; column names carry the units.",
        "- `results.json`: the same with per-class accuracies, all timings, gates and versions.",
        "- `predictions.csv`: what each variant answered to each evaluation image.",
    ]
    return "\n".join(lines)


def _table(results: Results) -> str:
    threads = results.threads[0]
    lines = [
        "| file | size | top-1 (95 % interval) | difference to float32 "
        f"| median, {fmt.counted(threads, 'thread')} | times faster than float32 |",
        "|---|---|---|---|---|---|",
    ]
    for variant in results.variants.values():
        top1, comparison = variant.accuracy.top1, variant.comparison
        share = fmt.share_with_interval(top1.share, top1.low, top1.high) if top1 else fmt.NOTHING
        difference = fmt.points(comparison.difference_points) if comparison else fmt.NOTHING
        timing, ratio = variant.timing(threads), results.speedup(variant.name, threads)
        lines.append(
            f"| {variant.name} | {fmt.kib(variant.file.size_bytes)} | {share} | {difference} | "
            f"{fmt.milliseconds(timing.median_ms if timing else None)}"
            f"{MARK if timing and timing.disturbed else ''} | "
            f"{ratio.full_text if ratio and comparison else fmt.NOTHING} |"
        )
    table = "\n".join(lines)
    if MARK in table:
        table += (
            f"\n\n\\{MARK} Other programs used the processor: time again before you rely on it."
        )
    return table
