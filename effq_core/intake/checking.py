"""The check itself, step by step (imports TensorFlow; runs in the checking process only)."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.base.errors import EffqError, ModelError
from effq_core.base.reporting import SilentReporter
from effq_core.intake import sample_answers as asked
from effq_core.intake import steps, trying
from effq_core.intake.files import ModelFile
from effq_core.intake.flatten import Flattened, flatten
from effq_core.intake.loading import Loaded, load, preprocessed
from effq_core.intake.sample_answers import CHECK_WHAT_WAS_SAID, unrecognised
from effq_core.intake.steps import Progress, under_way
from effq_core.intake.two_classes import OneOutput, both, what_output
from effq_core.measure.gates.fake_quant_count import expected_fake_quant, fake_quant_gate
from effq_core.measure.gates.no_float_tensors import no_float_gate
from effq_core.models.card import Normalisation
from effq_core.models.families.family import FAMILIES
from effq_core.models.own import extra_output
from effq_core.models.own.card import ARCHITECTURE, WEIGHTS_FILE, Preprocessing
from effq_core.models.own.flat import build_flat
from effq_core.models.own.graph import GraphModel, freeze_callable, write_graph
from effq_core.models.weights import load_weights, write_weights
from effq_core.photos.image_input import ImageInput, Resize
from effq_core.quantize.calibration import collect_statistics
from effq_core.quantize.convert import convert, quantize_with_ranges
from effq_core.quantize.file_operators import train_problem
from effq_core.quantize.finetune import observe_ranges
from effq_core.quantize.freeze import freeze
from effq_core.quantize.qat_scheme import insert_fake_quant
from effq_core.runtimes.model import Model
from effq_core.runtimes.registry import inspect_file
from effq_core.tflite.matrices import few_bits_problem
from effq_core.tflite.network import read_network

_SAME = 1e-3  # largest difference of a probability between Keras and what is kept or converted
_NAMED = 4


@dataclass
class Check:
    """Everything that is looked at before a model is taken."""

    folder: Path  # with ``in/``, ``out/`` and ``scratch/``
    request: dict[str, Any]  # what was said about the file
    file: ModelFile  # the file, looked through already
    notes: list[str] = field(default_factory=list)  # what a reader of the card must know

    @property
    def _out(self) -> Path:
        return self.folder / steps.OUT

    @property
    def _scratch(self) -> Path:
        return self.folder / steps.SCRATCH

    def run(self) -> dict[str, Any]:
        """Checks the upload and writes what is kept, or raises EffqError; the step says why."""
        labels = [name for name, _ in self.request["labels"]]
        loaded, normalisation = self._load()
        shape = loaded.shape
        entry = ImageInput(shape.side, Resize(self.request["resize"]), shape.channels)
        photos = asked.sample_pixels(entry)
        call = preprocessed(loaded.call, normalisation)
        call, found, single, logits = self._score(loaded, call, entry, photos, labels)
        with self._step("Labels fit") as step:
            if single is not None and len(labels) != 2:
                raise ModelError(asked.two_classes_note(labels))
            labels, background = asked.all_labels(found, labels, photos, "the model")
            step.detail = f"{fmt.counted(len(labels), 'class', 'classes')}."
            if background is not None:
                self.notes.append(extra_output.note(background))
                step.detail += f" {self.notes[-1]}"
        with self._step("Try it on sample photos") as step:
            answers = asked.answers_of(photos, found, labels)
            step.detail = f"{fmt.counted(len(answers), 'photo')} answered; see below."
            if doubt := asked.doubt(found):
                step.warn(doubt, "Compare the answers with what the photos show.")
                self.notes.append(doubt)
        flattened = self._lay_open(loaded, normalisation, (logits, single), photos, found)
        kept, parameters = self._keep(flattened, call, entry)
        int8_problem = self._convert(kept, photos, found)
        self._recognise(labels, normalisation, photos, found)
        problems = list(flattened.problems) if flattened else []
        if flattened and not problems:
            problems = self._try_qat(kept, photos)
        elif not flattened:
            problems = ["a SavedModel holds a graph, not layers: save it as .keras instead"]
        report = entry.to_plain() | {"background": background, "classes": int(found.shape[1])}
        report |= {"parameters": parameters, "qat_problems": problems[:50]}
        report |= {"head_problem": self._head_problem(flattened), "int8_problem": int8_problem}
        float32 = self._scratch / "float32.tflite"
        report |= {"few_bits_problem": few_bits_problem(float32.read_bytes())}
        report |= {"train_problem": train_problem(float32.read_bytes())}
        names = read_network(float32).names.to_dict()
        return report | {"names": names, "notes": self.notes, "answers": answers}

    def _step(self, title: str) -> AbstractContextManager[Progress]:
        return under_way(self._out, title)

    def _load(self) -> tuple[Loaded, Normalisation | None]:
        normalisation = Preprocessing(self.request["preprocessing"]).normalisation
        with self._step("Load it") as step:
            loaded = load(self.file, self._scratch, self.request["image_size"])
            shape = loaded.shape
            step.detail = shape.text
            if shape.batch not in (None, 1):
                self.notes.append(
                    f"Built for {shape.batch} images at a time; rebuilt for one from its weights."
                )
                step.detail += f" {self.notes[-1]}"
            if shape.left_open and self.request["image_size"] is None:
                step.warn(
                    f"The file leaves the input size open: {shape.side} pixels are taken.",
                    "Say another input size if the model was trained with one.",
                )
            if loaded.precisions:
                note = f"It was saved in {', '.join(loaded.precisions)} and is taken in float32."
                step.detail = f"{step.detail} {note}"
                self.notes.append(note)
            if normalisation is not None:
                normalisation = normalisation.for_channels(shape.channels)
        return loaded, normalisation

    def _score(
        self, loaded: Loaded, call: Any, entry: ImageInput, photos: Any, labels: list[str]
    ) -> tuple[Any, Any, OneOutput | None, bool]:
        with self._step("Class scores come out") as step:
            found = trying.scores(call, photos.pixels)
            ending = trying.ending_of(loaded.call, entry)
            single = what_output(loaded.model, found, ending) if found.shape[1] == 1 else None
            if single is not None:
                call = both(call, single)
                found = trying.scores(call, photos.pixels)
                self.notes.append(asked.two_classes_note(labels))
                step.detail = self.notes[-1]
            logits = single is None and trying.needs_softmax(found, ending)
            if logits:
                call = trying.with_softmax(call)
                found = trying.scores(call, photos.pixels)
                self.notes.append("The file ends in scores before a softmax; one was added.")
                step.detail = "They are scores before a softmax; one is added."
            elif single is None:
                step.detail = "They are probabilities."
        return call, found, single, logits

    def _lay_open(
        self,
        loaded: Loaded,
        normalisation: Any,
        ends: tuple[bool, OneOutput | None],
        photos: Any,
        found: Any,
    ) -> Flattened | None:
        if loaded.model is None:
            return None
        logits, single = ends
        with self._step("Lay its layers open") as step:
            made = flatten(
                loaded.model, loaded.shape, normalisation, add_softmax=logits, one_output=single
            )
            if made.problems:
                step.warn(
                    f"Not all can be fine-tuned: {fmt.some(made.problems, _NAMED)}.",
                    "Variants that need no fine-tuning are made.",
                )
                return made
            off = float(np.abs(trying.scores(_built(made), photos.pixels) - found).max())
            if off > _SAME:
                problem = f"rebuilt from its layers, its answers differ (by {fmt.plain(off)})"
                step.warn(f"{problem[0].upper()}{problem[1:]}.", "It is kept as a graph instead.")
                return Flattened(made.flat, made.weights, (problem,))
            step.detail = (
                f"{fmt.counted(len(made.flat.layers), 'layer')}; rebuilt from them it answers "
                f"the same (difference {fmt.plain(off)})."
            )
            return made

    def _keep(self, flattened: Flattened | None, call: Any, entry: ImageInput) -> tuple[Any, int]:
        """Writes layers and weights, or a graph; returns the model as it will be read back."""
        with self._step("Keep what it computes") as step:
            if flattened and not flattened.problems:
                model = _built(flattened)
                flattened.flat.write(self._out)
                write_weights(model, self._out / WEIGHTS_FILE)
                step.detail = "As a list of layers and their weights."
            else:
                write_graph(freeze_callable(call, entry.side, entry.channels), self._out)
                model = GraphModel(self._out)
                step.detail = "As a graph of operators that only compute."
            return model, int(model.count_params())

    def _convert(self, model: Any, photos: Any, found: Any) -> str:
        """Converts to float32, which must work, and to int8, which may not."""
        frozen, silent = self._scratch / "frozen", SilentReporter()
        float32, int8 = self._scratch / "float32.tflite", self._scratch / "int8.tflite"
        with self._step("Convert to float32 .tflite") as step:
            freeze(model, frozen)
            float32.write_bytes(convert(frozen, "float32"))
            off = float(np.abs(_answers(float32, photos.pixels) - found).max())
            if off > 10 * _SAME:
                raise ModelError(
                    f"The .tflite file's answers differ from Keras' (by {fmt.plain(off)}).",
                    "Please report this model's architecture.",
                )
            step.detail = f"{fmt.size(float32.stat().st_size)}; it answers as Keras does."
        with self._step("Convert to int8") as step:
            try:
                ranges = collect_statistics(float32, photos.pixels, silent).ranges("min_max", 100.0)
                int8.write_bytes(quantize_with_ranges(float32.read_bytes(), ranges))
                answers = _answers(int8, photos.pixels)
                gate = no_float_gate(inspect_file(int8))
            except EffqError as error:
                problem = error.message.rstrip(".")[:300]
                step.warn(f"{problem}.", "Variants with float activations are made.")
                return problem
            if not gate.passed:
                self.notes.append(f"As int8 it is not integer throughout. {gate.detail}")
                step.warn(f"It is not integer throughout. {gate.detail}")
                return ""
            step.detail = (
                f"{fmt.size(int8.stat().st_size)}; on the sample photos probabilities move by "
                f"{fmt.percent(float(np.abs(answers - found).max()))} at most."
            )
        return ""

    def _recognise(self, labels: list[str], normalisation: Any, photos: Any, found: Any) -> None:
        float32, refed = self._scratch / "float32.tflite", self._scratch / "refed"
        if doubt := unrecognised(float32, refed, photos, found, labels, inside=normalisation):
            with self._step("Recognise what the photos show") as step:
                step.warn(doubt, CHECK_WHAT_WAS_SAID)
            self.notes.append(doubt)

    def _try_qat(self, model: Any, photos: Any) -> list[str]:
        with self._step("Insert fake-quant for QAT") as step:
            try:
                fake = insert_fake_quant(model, FAMILIES[ARCHITECTURE].fake_quant)
                observe_ranges(fake, photos.pixels, SilentReporter())
                counts = freeze(fake, self._scratch / "qat")
                path = self._scratch / "qat.tflite"
                path.write_bytes(convert(self._scratch / "qat", "qat"))
                gate = no_float_gate(inspect_file(path))
                problem = "" if gate.passed else gate.detail
                wanted = expected_fake_quant(inspect_file(self._scratch / "float32.tflite"))
            except (EffqError, ValueError, RuntimeError, AttributeError, TypeError) as error:
                problem = (str(error).strip().splitlines() or [repr(error)])[0][:200]
            if problem:
                step.warn(f"Not possible: {problem.rstrip('.')}.", "The other variants are made.")
                return [problem.rstrip(".")]
            if not (gate := fake_quant_gate(counts, wanted)).passed:
                self.notes.append(f"QAT: {gate.detail}")
                step.warn(gate.detail, "Runs will say so.")
                return []
            total = sum(counts.values())
            step.detail = f"{fmt.counted(total, 'fake-quant operator')}; every layer is supported."
        return []

    def _head_problem(self, flattened: Flattened | None) -> str:
        if flattened is None or flattened.problems:
            return "it is kept as a graph, whose last layer cannot be replaced"
        return flattened.flat.head_problem


def _built(made: Flattened) -> Any:
    model = build_flat(made.flat)
    load_weights(model, made.weights, "the file", skip=frozenset())
    return model


def _answers(path: Path, pixels: Any) -> Any:
    model = Model(path)
    return np.stack([model.predict(image) for image in pixels])
