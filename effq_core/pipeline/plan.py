"""From an experiment to the stages that answer it. Imports no TensorFlow."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from effq_core.base.errors import ExperimentError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment, QatLoss
from effq_core.experiment.low_bits import LATE, WHOLE
from effq_core.experiment.mixed import Layers
from effq_core.experiment.rounding_rules import ROUNDING
from effq_core.experiment.variants import BASELINE, PTQ, Variant
from effq_core.layers.names import names_of
from effq_core.models.card import Label
from effq_core.models.catalogue import get_model
from effq_core.models.classes import HeadUse, match_classes
from effq_core.photos.index import Dataset
from effq_core.pipeline.plan_files import FilesPlanner
from effq_core.pipeline.plan_measuring import MeasuringPlanner
from effq_core.pipeline.plan_model import check_model, head_note, model_stage
from effq_core.pipeline.stage import Plan


def build_plan(experiment: Experiment, home: Home, dataset: Dataset | None = None) -> Plan:
    """Plans an experiment up to ``report``; DatasetError if the dataset cannot do what is asked."""
    planner = FilesPlanner if experiment.files_of else Planner
    return planner(experiment, home, dataset).plan()


class Planner(MeasuringPlanner):
    """Plans an experiment that makes its files."""

    def __init__(self, experiment: Experiment, home: Home, dataset: Dataset | None) -> None:
        super().__init__(experiment, home, get_model(experiment.model, home), dataset)
        side = experiment.image_size or self.card.image_size
        self.entry = replace(self.card.image_input, side=side)
        self.match = match_classes(
            self.card.head_labels, self.dataset.class_names, self.dataset.wnids
        )
        self.head_note = head_note(self.card, self.dataset)
        check_model(self.card, experiment, self.match.use, self.head_note.reason)
        unlabelled = self.match.use is HeadUse.UNLABELLED
        if unlabelled and experiment.trains and experiment.qat.loss is QatLoss.LABELS:
            message = f"{experiment.dataset} has no labels to train on."
            raise ExperimentError(message, "Choose the loss 'distill', or 'auto'.")

    def plan(self) -> Plan:
        """Returns the stages, ending in ``report``."""
        self._samples()
        self._lookalikes()
        self._float_model()
        for variant in self.variants:
            variant.plan(self, variant)
        add_layers(self, self.experiment)
        self._measurements()
        self._keep_tensors()
        self._report()
        return Plan(self.stages)

    @property
    def output_labels(self) -> Sequence[Label]:
        """Labels of the model's outputs, a new head's included."""
        if self.match.use is HeadUse.NEW:
            return [Label(name) for name in self.dataset.class_names]
        return self.card.head_labels

    def _samples(self) -> None:
        choice = self.experiment
        self._index()
        both = {
            "calibration": choice.calibration.size if choice.calibrates else 0,
            "training": choice.training_size if self._trains else 0,
            "evaluation": None,
        }
        if choice.calibrates:
            self._pixels("calibration", both)
        if self._trains:
            self._pixels("training", both)
        self._evaluation()
        if self._head_apart:
            # Whatever a sweep varies must not change the float model it is compared with.
            head = {"calibration": 0, "training": choice.training_size, "evaluation": None}
            self._pixels("training", head, name="pixels:head")

    @property
    def method(self) -> dict[str, Any]:
        """Parameters of a stage that makes ranges of what calibration photos did."""
        calibration = self.experiment.calibration
        return {"method": calibration.method, "percentile": calibration.percentile}

    @property
    def _head_apart(self) -> bool:
        return self.match.use is HeadUse.NEW and self.experiment.common_seed is not None

    @property
    def _trains(self) -> bool:
        return self.experiment.trains or (self.match.use is HeadUse.NEW and not self._head_apart)

    def _float_model(self) -> None:
        new = self.match.use is HeadUse.NEW
        function, params = model_stage(self.card, self.entry)
        self.add(
            "model",
            function,
            params={
                **params,
                "use": self.match.use,
                "class_names": self.dataset.class_names if new else [],
            },
            inputs={"training": "pixels:head" if self._head_apart else "pixels:training"}
            if new
            else {},
            weight=5 + (self.training_images / 40 if new else 0),
            extra_libraries=("scikit-learn",) if new else (),
        )
        inputs = {"model": "model"}
        self.freeze("freeze", inputs)
        self.keras("keras:float32", inputs, fake_quant=False, weight=20)

    def freeze(self, name: str, inputs: dict[str, str]) -> None:
        """Adds the freezing of the float model; of fine-tuned weights with input ``weights``."""
        self.add(name, "model:freeze_model", inputs=inputs, weight=4)

    def keras(self, name: str, inputs: dict[str, str], *, fake_quant: bool, weight: float) -> None:
        """Adds what a Keras model answers, for the check that its file answers alike."""
        params, inputs = {"fake_quant": fake_quant}, {**inputs, "evaluation": "pixels:evaluation"}
        self.add(
            name,
            "model:keras_predict",
            params=params,
            inputs=inputs,
            weight=weight,
            extra_libraries=("tensorflow-model-optimization",) if fake_quant else (),
        )

    def convert(self, name: str, frozen: str, form: str) -> None:
        """Adds a conversion to a form of :func:`effq_core.quantize.convert.convert`."""
        inputs = {"frozen": frozen, "model": "model"}
        self.add(name, "quantize:convert", params={"form": form}, inputs=inputs, weight=4)

    def calibrate(self, name: str, float32: str) -> None:
        """Adds what activations of a float32 file do on calibration photos."""
        inputs = {"float32": float32, "calibration": "pixels:calibration"}
        weight = self.experiment.calibration.size / 12
        self.add(name, "quantize:calibrate", inputs=inputs, weight=weight)

    def quantize(self, variant: str, float32: str, calibrate: str) -> None:
        """Adds int8 from a float32 file, and its calibration where that is not planned yet."""
        self.calibrate(calibrate, float32)
        inputs = {"float32": float32, "statistics": calibrate, "model": "model"}
        self.add(
            f"convert:{variant}", "quantize:quantize", params=self.method, inputs=inputs, weight=2
        )

    def round_weights(self, row: Variant, rule: str) -> None:
        """Adds a file like int8's whose matrix products have the variant's bits.

        Args:
            rule: Name of the rounding rule.
        """
        inputs = {"int8": f"convert:{PTQ}", "float32": f"convert:{BASELINE}", "model": "model"}
        if ROUNDING[rule].uses_photos:
            inputs |= self.moments()
        params = {"bits": row.weight_bits, "rule": rule}
        self.add(f"convert:{row.name}", "low_bits:round", params=params, inputs=inputs, weight=15)

    def moments(self) -> dict[str, str]:
        """Adds what enters int8's matrix products on calibration photos; returns it as inputs."""
        watched = {"int8": f"convert:{PTQ}", "calibration": "pixels:calibration"}
        seconds = self.experiment.calibration.size / 25
        self.add("moments", "low_bits:moments", inputs=watched, weight=seconds)
        return {"moments": "moments"}

    def dynamic(self, row: Variant) -> None:
        """Adds a file with the variant's bits for weights, and floats for activations."""
        inputs, params = {**_FLOAT32, "model": "model"}, {"bits": row.weight_bits}
        self.add(f"convert:{row.name}", "low_bits:dynamic", params=params, inputs=inputs, weight=3)

    def finetune(self, name: str, *, fake_quant: bool) -> None:
        """Adds fine-tuning, with fake-quant operators in the graph or without."""
        inputs = {"model": "model", "training": "pixels:training"}
        if fake_quant:
            inputs["calibration"] = "pixels:calibration"
        settings = self.experiment.qat
        params = {
            "fake_quant": fake_quant,
            "qat": asdict(settings),
            "seed": self.experiment.seed,
            "use": self.match.use,
            "class_map": self.match.class_map,
        }
        weight = 50 + self.training_images * (settings.epochs / 15 + 1 / 40)
        self.add(name, "model:finetune", params=params, inputs=inputs, weight=weight)

    def train_file(self, row: Variant, start: str) -> None:
        """Adds training of an integer file on its own grids, its check, and the file it gives.

        Args:
            start: The stage that makes the file, such as ``convert:int4``.
        """
        choice, block = self.experiment, self.experiment.low_bits.train_from
        names = names_of(self.card)
        known = {WHOLE, LATE, *(names.layers if names else [block])}
        if block not in known:
            raise ExperimentError(
                f"The model has no block {block!r} to train from.",
                f"Choose {WHOLE}, {LATE} or a block: {', '.join(names.layers if names else ())}.",
            )
        params = {
            "qat": asdict(choice.qat),
            "seed": choice.seed,
            "class_map": self.match.class_map,
            "train_from": block,
        }
        both = {"file": start, "float32": f"convert:{BASELINE}"}
        inputs = {**both, "training": "pixels:training"}
        weight = 30 + self.training_images * (choice.qat.epochs / 30 + 1 / 20)
        self.add(row.training, "train_file:train", params=params, inputs=inputs, weight=weight)
        trained = {"weights": row.training, "evaluation": "pixels:evaluation"}
        self.add(f"keras:{row.name}", "train_file:predict", inputs={**both, **trained}, weight=30)
        written = {"file": start, "weights": row.training, "model": "model"}
        self.add(f"convert:{row.name}", "train_file:write", inputs=written, weight=2)

    def observe(self, name: str) -> None:
        """Adds fake-quant operators that have observed the calibration photos, untrained."""
        inputs = {"model": "model", "calibration": "pixels:calibration"}
        weight = 25 + self.experiment.calibration.size / 30
        self.add(name, "model:qat_untrained", inputs=inputs, weight=weight)

    def _keep_tensors(self) -> None:
        inputs, seconds = {"float32": f"convert:{BASELINE}"}, 1.0
        # What calibrates another model is called otherwise.
        if any(spec.name == "calibrate" for spec in self.stages):
            inputs |= {"statistics": "calibrate", "calibration": "pixels:calibration"}
            seconds += min(self.experiment.calibration.size, 240) / 30
        self.add("tensors", "learn:tensors", inputs=inputs, weight=seconds)
        if any(spec.name == "moments" for spec in self.stages):
            inputs = {"float32": f"convert:{BASELINE}", "moments": "moments"}
            params = {"images": self.experiment.calibration.size, "rules": tuple(ROUNDING)}
            self.add("rounding", "learn:rounding", params=params, inputs=inputs, weight=15)


_FLOAT32 = {"float32": f"convert:{BASELINE}"}
RANGES = {**_FLOAT32, "statistics": "calibrate"}  # inputs of a stage that calibrates float32 again


def add_layers(planner: Planner, experiment: Experiment) -> None:
    """Adds ``signal`` and ``effect`` where an experiment asks something of its layers."""
    asked = experiment.layers
    if asked:
        params = {"images": asked.images}
        inputs = {**_FLOAT32, "int8": f"convert:{PTQ}", "evaluation": "pixels:evaluation"}
        weight = 5 + asked.images / 5
        planner.add("signal", "signal:signal", params=params, inputs=inputs, weight=weight)
        add_effect(planner, experiment)


def add_effect(planner: Planner, experiment: Experiment) -> None:
    """Adds ``effect``: each block alone in int8, and alone in floats."""
    asked = experiment.layers or Layers()
    params = {**asdict(asked), **planner.method}
    inputs = {**RANGES, "calibration": "pixels:calibration"}
    weight = min(200, asked.budget_seconds)
    planner.add("effect", "layers:effect", params=params, inputs=inputs, weight=weight)
