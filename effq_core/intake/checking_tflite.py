"""Checking a ready ``.tflite`` file; runs in the checking process only, needs no TensorFlow."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.base.errors import ModelError, UnloadableError
from effq_core.intake import sample_answers as asked
from effq_core.intake import steps
from effq_core.intake.ending import Ending, ending_of_file, is_logit
from effq_core.intake.sample_answers import CHECK_WHAT_WAS_SAID, unrecognised
from effq_core.intake.steps import Progress, under_way
from effq_core.measure.gates.xnnpack_vs_reference import kernels_gate
from effq_core.models import file_input
from effq_core.models.own import extra_output
from effq_core.models.own.card import Preprocessing
from effq_core.models.own.ready import MODEL_FILE
from effq_core.photos.image_input import ImageInput, Resize
from effq_core.runtimes.file_report import FileReport
from effq_core.runtimes.model import Model, channels_of
from effq_core.runtimes.registry import inspect_file, open_session
from effq_core.tflite.file import read_tflite
from effq_core.tflite.needs import need_of
from effq_core.tflite.operators import BY_NAME
from effq_core.tflite.packing import BITS

_LEAST = 160  # of 256 values kept apart: 141 at most with wrong preprocessing, else 200
_CERTAIN = 192  # so few are worth a note
_SAME = 0.25  # steps; a full-range scale of −1 to 1 gives half a step more


@dataclass(frozen=True)
class Fit:
    """What a file is fed."""

    feeding: file_input.Feeding  # what is done to its pixels
    fed: dict[str, float] | None = None  # scale and offset, where the preprocessing's are not
    note: str = ""  # what a reader must know; empty where all fits


def fit(path: Path, preprocessing: Preprocessing) -> Fit:
    """Finds out what a file has to be fed, or raises ModelError if it cannot be fed so."""
    tensor = open_session(path).inputs[0]
    channels = channels_of(tensor.shape)
    given = preprocessing.normalisation
    feeding = file_input.Feeding.of(given and given.for_channels(channels), channels)
    try:
        table = file_input.input_table(path, tensor, feeding)
    except ModelError:
        if given is not None or tensor.dtype.itemsize != 1 or not tensor.scale:
            raise
        return _bytes(tensor, channels)
    apart = file_input.values_apart(table)
    if table.dtype.kind == "f" or apart >= _CERTAIN:
        return Fit(feeding)
    note = (
        f"Its input holds {file_input.held(tensor)}: with this preprocessing only {apart} of 256 "
        "pixel values stay apart."
    )
    if apart < _LEAST and not _symmetric(tensor, feeding):
        raise ModelError(note, "Choose the preprocessing the model was trained with.")
    return Fit(feeding, note=note)


def _symmetric(tensor: file_input.TensorSpec, feeding: file_input.Feeding) -> bool:
    """Returns whether an input holds −x to x, x the most it is fed: half its steps are not used."""
    bounds = np.iinfo(tensor.dtype)
    steps = float(np.abs(feeding.values()).max() / tensor.scale)
    return bounds.min < 0 and tensor.zero_point == 0 and abs(steps - bounds.max) < _SAME


def _bytes(tensor: file_input.TensorSpec, channels: int) -> Fit:
    """Feeds each pixel value as the integer it is: real values by the file's own scale."""
    lowest = int(np.iinfo(tensor.dtype).min)
    fed = {"scale": tensor.scale, "offset": tensor.scale * (lowest - tensor.zero_point)}
    note = (
        f"Its {tensor.dtype} input holds {file_input.held(tensor)}, not 0 to 255: it is fed "
        "each photo's bytes as they are."
    )
    return Fit(
        file_input.Feeding((fed["scale"],) * channels, (fed["offset"],) * channels), fed, note
    )


_ENDS = (0.9, 1.1)  # sums of a softmax's scores, roundings included


def _report(path: Path, out: Path) -> FileReport:
    try:
        with under_way(out, "Look at its operators") as step:
            report = inspect_file(path)
            if own := sorted(set(report.ops) - set(BY_NAME)):
                raise ModelError(
                    f"The file has custom operators: {', '.join(own[:5])}.",
                    "Only LiteRT's built-in operators are run.",
                )
            step.detail = f"{fmt.counted(sum(report.ops.values()), 'operator')}, all built in."
            _few_bits(path, step)
            return report
    except UnloadableError as error:
        raise ModelError(
            "The .tflite file cannot be read, or has operators LiteRT does not have.",
            "Convert it again with built-in operators only: no Flex or custom ones.",
        ) from error


def _few_bits(path: Path, step: Progress) -> None:
    """Says how many layers have weights of few bits, and which LiteRT they need."""
    need = need_of(path)
    if need is None:
        return
    kernels = [(op.kind.name, op.kernel) for op in read_tflite(path).main.operators if op.kernel]
    bits = [BITS.get(kernel.dtype, 32) for _, kernel in kernels]
    told = ", ".join(f"{bits.count(each)} with {each}-bit" for each in sorted(set(bits)))
    layers = fmt.counted(len(bits), "layer")
    step.detail += f" Of {layers}, {told} weights. {need.text}"
    slow = sum(BITS.get(kernel.dtype) == 4 and "CONV" in kind for kind, kernel in kernels)
    if slow:
        told = f"{step.detail} XNNPACK runs no 4-bit convolution: {slow} will be slow."
        step.warn(told, "Make 1×1 convolutions FULLY_CONNECTED, as EffQ's int4 does.")


def _require_kernels(path: Path, images: Any) -> None:
    """Refuses weights of few bits that LiteRT runs without an error, and computes wrongly."""
    if need_of(path) is not None and not (gate := kernels_gate(path, images)).passed:
        raise ModelError(
            f"LiteRT computes wrong answers from its weights of few bits. {gate.text}",
            "Use FULLY_CONNECTED with a scale for each output, or for groups of 32 or 64 inputs.",
        )


def check_tflite(folder: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Looks at a file, runs and keeps it; returns its card's values or raises ModelError."""
    out = folder / steps.OUT
    path = folder / steps.SCRATCH / MODEL_FILE
    shutil.copyfile(folder / steps.IN / steps.UPLOAD_FILE, path)
    labels = [name for name, _ in request["labels"]]
    report = _report(path, out)
    with under_way(out, "One image in, class scores out") as step:
        fitting = fit(path, Preprocessing(request["preprocessing"]))
        ending = ending_of_file(path)
        one_output = report.outputs[0].shape[-1:] == (1,)
        feeding = replace(fitting.feeding, softmax=ending is Ending.SCORES and not one_output)
        if feeding.is_needed:
            feeding.write(path)
        notes = [fitting.note] if fitting.note else []
        if feeding.softmax:
            notes.append("The file ends in scores; a softmax is put behind them.")
        model = Model(path)
        entry = ImageInput(model.image_size, Resize(request["resize"]), model.channels)
        photos = asked.sample_pixels(entry)
        found = np.stack([model.predict(image) for image in photos.pixels])
        logit = False
        if one_output:
            logit = is_logit(found[:, 1], ending)  # read as a probability: as the file gives it
            answers = file_input.Answers(logit=logit)
            file_input.write_answers(path, answers)
            found = np.stack([answers.read(each) for each in found[:, 1:]])
            notes.append(asked.two_classes_note(labels, kept=True))
            if len(labels) != 2:
                raise ModelError(notes[-1])
        labels, background = asked.all_labels(found, labels, photos, "the file")
        notes += [] if background is None else [extra_output.note(background)]
        step.detail = (
            f"{entry.text}, {model.input_dtype}; "
            f"{fmt.counted(model.classes, 'class', 'classes')}. {' '.join(notes)}"
        ).strip()
        if fitting.note:
            step.warn(step.detail, "Is it the preprocessing it was made for?")
    with under_way(out, "Try it on sample photos") as step:
        odd, doubts = _doubts(found)
        refed, fed = folder / steps.SCRATCH / "refed", feeding.normalisation
        _require_kernels(path, photos.pixels)
        step.detail = f"{fmt.counted(len(found), 'photo')} answered; see below."
        if doubt := unrecognised(path, refed, photos, found, labels, outside=fed):
            doubts.append((doubt, CHECK_WHAT_WAS_SAID))
        for doubt, hint in doubts:
            notes.append(doubt)
            step.warn(doubt, hint)
    shutil.copyfile(path, out / MODEL_FILE)
    made = entry.to_plain() | {"background": background, "logit": logit, "classes": model.classes}
    made |= {"parameters": 0, "qat_problems": [], "head_problem": "", "int8_problem": ""}
    made |= {"notes": notes, "answers": asked.answers_of(photos, found, labels)}
    made |= {"probabilities": not odd, "softmax": feeding.softmax, "fed": fitting.fed}
    return made | {"input_type": str(model.input_dtype)}


def _doubts(found: file_input.Floats) -> tuple[bool, list[tuple[str, str]]]:
    """Returns whether scores are no probabilities, and what is odd about them, with what to do."""
    if not np.isfinite(found).all():
        raise ModelError("Its scores are not finite numbers.", "Check its preprocessing.")
    sums = found.sum(axis=1)
    if sums.min() < _ENDS[0] or sums.max() > _ENDS[1] or found.min() < -0.1:
        told = (
            "Its scores do not add up to 1 (no softmax at its end): which class is best is "
            "measured, its confidence is not."
        )
        return True, [(told, "")]
    doubt = asked.doubt(found)
    return False, [(doubt, "Compare the answers with what the photos show.")] * bool(doubt)
