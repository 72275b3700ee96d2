"""From an experiment to the stages that answer it. Imports no TensorFlow."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from effq_core import hardware
from effq_core.datasets.catalogue import open_dataset
from effq_core.errors import ExperimentError
from effq_core.experiment import Experiment, QatLoss
from effq_core.models.catalogue import get_model
from effq_core.models.classes import ClassMatch, HeadUse, match_classes
from effq_core.pipeline.plan_model import check_model, model_stage
from effq_core.pipeline.report_inputs import CONTROL, report_inputs
from effq_core.pipeline.stage import LAST, Plan, StageSpec
from effq_core.settings import Home
from effq_core.variants import BASELINE, Recipe, get_variant

_STAGES = "effq_core.pipeline.stages"
_TENSORFLOW = ("tensorflow", "tf_keras", "numpy")
_QAT = (*_TENSORFLOW, "tensorflow-model-optimization")
_IMAGES = ("pillow", "scikit-image", "numpy")
_LITERT = ("ai-edge-litert", "numpy")
_STATISTICS = (*_LITERT, "scipy")


def build_plan(experiment: Experiment, home: Home) -> Plan:
    """Plans an experiment.

    Args:
        experiment: What to find out.
        home: The store, where datasets are.

    Returns:
        Its stages, ending in ``report``.

    Raises:
        ModelError: If there is no such model.
        DatasetError: If the dataset cannot be used or cannot do what is asked.
    """
    return _Planner(experiment, home).plan()


class _Planner:
    def __init__(self, experiment: Experiment, home: Home) -> None:
        self.experiment = experiment
        self.card = get_model(experiment.model, home)
        self.image_size = experiment.image_size or self.card.image_size
        self.dataset = open_dataset(experiment.dataset, home)
        self.match: ClassMatch = match_classes(
            self.card.head_labels, self.dataset.class_names, self.dataset.wnids
        )
        self.variants = [get_variant(name) for name in experiment.variants]
        self.stages: list[StageSpec] = []
        self.training_images = experiment.training_size or 2000  # only to estimate times
        check_model(self.card, experiment, self.match.use)
        unlabelled = self.match.use is HeadUse.UNLABELLED
        if unlabelled and experiment.trains and experiment.qat.loss is QatLoss.LABELS:
            raise ExperimentError(
                f"{experiment.dataset} has no labels to train on.",
                "Choose the loss 'distill', or 'auto'.",
            )

    def plan(self) -> Plan:
        self._samples()
        self._float_model()
        for variant in self.variants:
            if variant.recipe in (Recipe.FLOAT, Recipe.WEIGHTS_ONLY):
                self._convert(f"convert:{variant.name}", "freeze", variant.name)
        if "int8" in self.experiment.variants:
            self._ptq("int8", f"convert:{BASELINE}", "calibrate")
        if CONTROL in self.experiment.variants:
            self._float_control()
        for variant in self.variants:
            if variant.recipe is Recipe.QAT:
                self._qat(variant.name, trained=variant.trained)
        for variant in self.variants:
            self._measure(variant.name)
        self._keep_tensors()
        self._report()
        return Plan(self.stages)

    def _add(self, name: str, function: str, *, version: int = 1, **fields: Any) -> None:
        params = json.loads(json.dumps(fields.pop("params", {})))
        self.stages.append(
            StageSpec(
                name=name,
                kind=name.partition(":")[0],
                function=f"{_STAGES}.{function}",
                version=version,
                params=params,
                **fields,
            )
        )

    def _samples(self) -> None:
        choice = self.experiment
        self._add(
            "index",
            "data:index",
            params={"dataset": choice.dataset, "state": self.dataset.state()},
            weight=3,
            library_versions=_IMAGES,
        )
        sizes = {
            "calibration": choice.calibration.size if self._calibrates else 0,
            "training": choice.training_size if self._trains else 0,
            "evaluation": choice.evaluation_size,
        }
        both = {**sizes, "evaluation": None}
        alone = {"calibration": 0, "training": 0, "evaluation": sizes["evaluation"]}
        if self._calibrates:
            self._pixels("calibration", both)
        if self._trains:
            self._pixels("training", both)
        self._pixels("evaluation", alone)

    def _pixels(self, role: str, sizes: dict[str, int | None]) -> None:
        params = {
            "dataset": self.experiment.dataset,
            "role": role,
            "sizes": sizes,
            "seed": self.experiment.seed,
            "image_size": self.image_size,
        }
        self._add(
            f"pixels:{role}",
            "data:pixels",
            params=params,
            inputs={"index": "index"},
            weight=(sizes[role] or 2000) / 400,
            library_versions=_IMAGES,
        )

    @property
    def _calibrates(self) -> bool:
        return any(variant.needs_calibration for variant in self.variants)

    @property
    def _trains(self) -> bool:
        return self.experiment.trains or self.match.use is HeadUse.NEW

    def _float_model(self) -> None:
        new = self.match.use is HeadUse.NEW
        function, params = model_stage(self.card, self.image_size)
        self._add(
            "model",
            function,
            params={
                **params,
                "use": self.match.use,
                "class_names": self.dataset.class_names if new else [],
            },
            inputs={"training": "pixels:training"} if new else {},
            weight=5 + (self.training_images / 40 if new else 0),
            library_versions=(*_TENSORFLOW, "scikit-learn") if new else _TENSORFLOW,
        )
        inputs = {"model": "model"}
        self._freeze("freeze", inputs)
        self._keras("keras:float32", inputs, fake_quant=False, weight=20)

    def _freeze(self, name: str, inputs: dict[str, str]) -> None:
        self._add(name, "model:freeze_model", inputs=inputs, weight=4, library_versions=_TENSORFLOW)

    def _keras(self, name: str, inputs: dict[str, str], *, fake_quant: bool, weight: float) -> None:
        versions = _QAT if fake_quant else _TENSORFLOW
        params, inputs = {"fake_quant": fake_quant}, {**inputs, "evaluation": "pixels:evaluation"}
        self._add(
            name,
            "model:keras_predict",
            params=params,
            inputs=inputs,
            weight=weight,
            library_versions=versions,
        )

    def _convert(self, name: str, frozen: str, form: str) -> None:
        self._add(
            name,
            "quantize:convert",
            params={"form": form},
            inputs={"frozen": frozen, "model": "model"},
            weight=4,
            library_versions=_TENSORFLOW,
        )

    def _ptq(self, variant: str, float32: str, calibrate: str) -> None:
        calibration = self.experiment.calibration
        self._add(
            calibrate,
            "quantize:calibrate",
            version=2,
            inputs={"float32": float32, "calibration": "pixels:calibration"},
            weight=calibration.size / 12,
            library_versions=_LITERT,
        )
        self._add(
            f"convert:{variant}",
            "quantize:quantize",
            params={"method": calibration.method, "percentile": calibration.percentile},
            inputs={"float32": float32, "statistics": calibrate, "model": "model"},
            weight=2,
            library_versions=_TENSORFLOW,
        )

    def _finetune(self, name: str, *, fake_quant: bool) -> None:
        inputs = {"model": "model", "training": "pixels:training"}
        if fake_quant:
            inputs["calibration"] = "pixels:calibration"
        settings = self.experiment.qat
        self._add(
            name,
            "model:finetune",
            params={
                "fake_quant": fake_quant,
                "qat": asdict(settings),
                "seed": self.experiment.seed,
                "use": self.match.use,
                "class_map": self.match.class_map,
            },
            inputs=inputs,
            weight=50 + self.training_images * (settings.epochs / 15 + 1 / 40),
            library_versions=_QAT,
        )

    def _float_control(self) -> None:
        self._finetune("finetune:float", fake_quant=False)
        self._freeze("freeze:float_control", {"model": "model", "weights": "finetune:float"})
        self._convert("convert:float_control", "freeze:float_control", BASELINE)
        self._ptq(CONTROL, "convert:float_control", "calibrate:float_control")

    def _qat(self, variant: str, *, trained: bool) -> None:
        source = f"finetune:{variant}" if trained else f"ranges:{variant}"
        if trained:
            self._finetune(source, fake_quant=True)
            weights = {"model": "model", "weights": source}
            self._keras(f"keras:{variant}", weights, fake_quant=True, weight=45)
        else:
            self._add(
                source,
                "model:qat_untrained",
                inputs={"model": "model", "calibration": "pixels:calibration"},
                weight=25 + self.experiment.calibration.size / 30,
                library_versions=_QAT,
            )
        self._convert(f"convert:{variant}", source, "qat")

    def _keep_tensors(self) -> None:
        inputs, seconds = {"float32": f"convert:{BASELINE}"}, 1.0
        if "int8" in self.experiment.variants:  # others calibrate another model, or otherwise
            inputs |= {"statistics": "calibrate", "calibration": "pixels:calibration"}
            seconds += min(self.experiment.calibration.size, 240) / 30
        self._add(
            "tensors", "learn:tensors", inputs=inputs, weight=seconds, library_versions=_LITERT
        )

    def _measure(self, variant: str) -> None:
        inputs = {"file": f"convert:{variant}", "evaluation": "pixels:evaluation"}
        self._add(
            f"inspect:{variant}",
            "measure:inspect",
            inputs=inputs,
            weight=6,
            library_versions=_LITERT,
        )
        self._add(
            f"evaluate:{variant}",
            "measure:evaluate",
            params={"class_map": self.match.class_map},
            inputs=inputs,
            weight=(self.experiment.evaluation_size or 2000) / 100,
            library_versions=_STATISTICS,
        )
        self._add(
            f"benchmark:{variant}",
            "measure:benchmark",
            params={
                "threads": self.experiment.threads,
                "invocations": self.experiment.benchmark_invocations,
                # A timing belongs to a machine: another one must not reuse it.
                "host": hardware.describe().to_dict(),
            },
            inputs={"file": inputs["file"]},
            exclusive=True,
            weight=2 + 2 * len(self.experiment.threads),
            library_versions=_STATISTICS,
        )

    def _report(self) -> None:
        inputs = report_inputs(self.variants, {spec.name for spec in self.stages})
        self._add(
            LAST,
            "report:report",
            params={"experiment": self.experiment.to_dict(), "use": self.match.use},
            inputs=inputs,
            weight=2,
            library_versions=_STATISTICS,
        )
