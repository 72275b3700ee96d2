"""From an experiment to the stages that answer it. Imports no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from effq_core.base import hardware
from effq_core.base.errors import ExperimentError
from effq_core.base.settings import Home
from effq_core.experiment import Experiment, QatLoss
from effq_core.experiment.variants import BASELINE, Recipe, get_variant
from effq_core.models.catalogue import Label, get_model
from effq_core.models.classes import ClassMatch, HeadUse, match_classes
from effq_core.models.own.extra_output import BACKGROUND, beside
from effq_core.photos.base import Dataset
from effq_core.photos.catalogue import open_dataset
from effq_core.photos.image_input import ImageInput
from effq_core.pipeline.plan_layers import add_layers, check_keep
from effq_core.pipeline.plan_model import check_model, head_note, model_stage, ready_stage
from effq_core.pipeline.report_inputs import BENCHMARK, CONTROL, report_inputs
from effq_core.pipeline.stage import LAST, Plan
from effq_core.pipeline.stage_list import IMAGES, LITERT, QAT, STATISTICS, TENSORFLOW, StageList


def build_plan(experiment: Experiment, home: Home, dataset: Dataset | None = None) -> Plan:
    """Plans an experiment.

    Args:
        experiment: What to find out.
        home: The store, where datasets are.
        dataset: The experiment's, where the caller has opened it already.

    Returns:
        Its stages, ending in ``report``.

    Raises:
        ModelError: If there is no such model.
        DatasetError: If the dataset cannot be used or cannot do what is asked.
    """
    if experiment.files_of:
        from effq_core.pipeline.plan_files import FilesPlanner  # which is a planner itself

        return FilesPlanner(experiment, home, dataset).plan()
    return Planner(experiment, home, dataset).plan()


class Planner(StageList):
    """Plans an experiment; see :func:`build_plan`."""

    def __init__(self, experiment: Experiment, home: Home, dataset: Dataset | None) -> None:
        super().__init__()
        self.experiment, self.home = experiment, home
        self.card = get_model(experiment.model, home)
        self.image_size = experiment.image_size or self.card.image_size
        self.entry = replace(self.card.image_input, side=self.image_size)
        self.dataset = dataset or open_dataset(experiment.dataset, home)
        self.match: ClassMatch = match_classes(
            self.card.head_labels, self.dataset.class_names, self.dataset.wnids
        )
        self.ignored = self._ignored()
        self.variants = [get_variant(name) for name in experiment.variants]
        self.ready_pixels: dict[str, str] = {}
        self.training_images = experiment.training_size or 2000  # only to estimate times
        self.head_note = head_note(self.card, self.dataset)
        check_model(self.card, experiment, self.match.use, self.head_note.reason)
        check_keep(self.card, experiment)
        unlabelled = self.match.use is HeadUse.UNLABELLED
        if unlabelled and experiment.trains and experiment.qat.loss is QatLoss.LABELS:
            raise ExperimentError(
                f"{experiment.dataset} has no labels to train on.",
                "Choose the loss 'distill', or 'auto'.",
            )

    def plan(self) -> Plan:
        """Returns the stages, ending in ``report``."""
        self._samples()
        self._lookalikes()
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
            elif variant.recipe is Recipe.READY:
                self._ready(variant.name)
        size = self.experiment.evaluation_size or 2000
        add_layers(self, self.experiment, size)
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

    def _ignored(self) -> int | None:
        """Returns the model's "background", where every class of the photos is another output."""
        names = [label.name for label in self.output_labels]
        return beside(names, self.dataset.class_names) if self.match.class_map else None

    def _measurements(self) -> None:
        for variant in self.variants:
            self._measure(variant.name)
        self._time()

    def _samples(self) -> None:
        choice = self.experiment
        self.add(
            "index",
            "data:index",
            params={"dataset": choice.dataset, "state": self.dataset.state()},
            weight=3,
            library_versions=IMAGES,
        )
        sizes = {
            "calibration": choice.calibration.size if self.experiment.calibrates else 0,
            "training": choice.training_size if self._trains else 0,
            "evaluation": choice.evaluation_size,
        }
        both = {**sizes, "evaluation": None}
        alone = {"calibration": 0, "training": 0, "evaluation": sizes["evaluation"]}
        if self.experiment.calibrates:
            self._pixels("calibration", both)
        if self._trains:
            self._pixels("training", both)
        self._pixels("evaluation", alone)
        if self._head_apart:
            # Whatever a sweep varies must not change the float model it is compared with.
            head = {"calibration": 0, "training": choice.training_size, "evaluation": None}
            self._pixels("training", head, name="pixels:head")

    def _lookalikes(self) -> None:
        roles = ("calibration", "training", "head", "evaluation")
        made = {spec.name for spec in self.stages}
        inputs = {role: name for role in roles if (name := f"pixels:{role}") in made}
        if len(inputs) > 1:  # evaluation alone resembles nothing the model is made with
            self.add(
                "lookalikes",
                "lookalikes:lookalikes",
                inputs=inputs,
                weight=1 + self.training_images / 2000,
                library_versions=IMAGES,
            )

    @property
    def _head_apart(self) -> bool:
        return self.match.use is HeadUse.NEW and self.experiment.common_seed is not None

    def _pixels(
        self,
        role: str,
        sizes: dict[str, int | None],
        *,
        name: str = "",
        entry: ImageInput | None = None,
    ) -> None:
        seed, common = self.experiment.seed, self.experiment.common_seed
        if common is not None and (role == "evaluation" or name == "pixels:head"):
            seed = common
        params = {
            "dataset": self.experiment.dataset,
            "role": role,
            "sizes": sizes,
            "seed": seed,
            **(entry or self.entry).to_plain(),
        }
        if common not in (None, seed):
            params["split_seed"] = common
        if self.experiment.files_of:  # nothing is calibrated or trained: all may be measured on
            params["whole"] = True
        self.add(
            name or f"pixels:{role}",
            "data:pixels",
            params=params,
            inputs={"index": "index"},
            weight=(sizes[role] or 2000) / 400,
            library_versions=IMAGES,
        )

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
            library_versions=(*TENSORFLOW, "scikit-learn") if new else TENSORFLOW,
        )
        inputs = {"model": "model"}
        self._freeze("freeze", inputs)
        self._keras("keras:float32", inputs, fake_quant=False, weight=20)

    def _freeze(self, name: str, inputs: dict[str, str]) -> None:
        self.add(name, "model:freeze_model", inputs=inputs, weight=4, library_versions=TENSORFLOW)

    def _keras(self, name: str, inputs: dict[str, str], *, fake_quant: bool, weight: float) -> None:
        versions = QAT if fake_quant else TENSORFLOW
        params, inputs = {"fake_quant": fake_quant}, {**inputs, "evaluation": "pixels:evaluation"}
        self.add(
            name,
            "model:keras_predict",
            params=params,
            inputs=inputs,
            weight=weight,
            library_versions=versions,
        )

    def _convert(self, name: str, frozen: str, form: str) -> None:
        self.add(
            name,
            "quantize:convert",
            params={"form": form},
            inputs={"frozen": frozen, "model": "model"},
            weight=4,
            library_versions=TENSORFLOW,
        )

    def _ptq(self, variant: str, float32: str, calibrate: str) -> None:
        calibration = self.experiment.calibration
        self.add(
            calibrate,
            "quantize:calibrate",
            version=2,
            inputs={"float32": float32, "calibration": "pixels:calibration"},
            weight=calibration.size / 12,
            library_versions=LITERT,
        )
        self.add(
            f"convert:{variant}",
            "quantize:quantize",
            params={"method": calibration.method, "percentile": calibration.percentile},
            inputs={"float32": float32, "statistics": calibrate, "model": "model"},
            weight=2,
            library_versions=TENSORFLOW,
        )

    def _finetune(self, name: str, *, fake_quant: bool) -> None:
        inputs = {"model": "model", "training": "pixels:training"}
        if fake_quant:
            inputs["calibration"] = "pixels:calibration"
        settings = self.experiment.qat
        self.add(
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
            library_versions=QAT,
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
            self.add(
                source,
                "model:qat_untrained",
                inputs={"model": "model", "calibration": "pixels:calibration"},
                weight=25 + self.experiment.calibration.size / 30,
                library_versions=QAT,
            )
        self._convert(f"convert:{variant}", source, "qat")

    def _keep_tensors(self) -> None:
        inputs, seconds = {"float32": f"convert:{BASELINE}"}, 1.0
        if "int8" in self.experiment.variants:  # others calibrate another model, or otherwise
            inputs |= {"statistics": "calibrate", "calibration": "pixels:calibration"}
            seconds += min(self.experiment.calibration.size, 240) / 30
        self.add("tensors", "learn:tensors", inputs=inputs, weight=seconds, library_versions=LITERT)

    def _ready(self, variant: str) -> None:
        names = [label.name for label in self.output_labels]
        params, entry = ready_stage(variant, self.home, names)
        self.add(f"convert:{variant}", "own:ready_file", params=params, library_versions=LITERT)
        if entry != self.entry:  # the same photos, as the file wants them
            self.ready_pixels[variant] = name = f"pixels:evaluation_{_name(entry)}"
            size = self.experiment.evaluation_size
            if all(spec.name != name for spec in self.stages):
                sizes = {"calibration": 0, "training": 0, "evaluation": size}
                self._pixels("evaluation", sizes, name=name, entry=entry)

    def _measure(self, variant: str) -> None:
        pixels = self.ready_pixels.get(variant, "pixels:evaluation")
        inputs = {"file": f"convert:{variant}", "evaluation": pixels}
        self.add(
            f"inspect:{variant}",
            "measure:inspect",
            version=2,
            inputs=inputs,
            weight=12,
            library_versions=STATISTICS,
        )
        self.add(
            f"evaluate:{variant}",
            "measure:evaluate",
            params={
                "class_map": self.match.class_map,
                **({} if self.ignored is None else {"ignored": self.ignored}),
            },
            inputs=inputs,
            weight=(self.experiment.evaluation_size or 2000) / 100,
            library_versions=STATISTICS,
        )

    def _time(self) -> None:
        """Times all files in one sitting: one more variant, and all are timed anew."""
        threads, variants = self.experiment.threads, self.variants
        self.add(
            BENCHMARK,
            "measure:benchmark",
            version=2,
            params={
                "threads": threads,
                "invocations": self.experiment.benchmark_invocations,
                # A timing belongs to a machine: another one must not reuse it.
                "host": hardware.describe().to_dict(),
                **({"sitting": sitting} if (sitting := self.experiment.sitting) else {}),
            },
            inputs={variant.name: f"convert:{variant.name}" for variant in variants},
            exclusive=True,
            weight=3 + len(variants) * (3 + 2 * len(threads)),
            library_versions=STATISTICS,
        )

    def _report(self) -> None:
        inputs = report_inputs(self.variants, {spec.name for spec in self.stages})
        note = {"head_note": said} if (said := self.head_note.text) else {}
        self.add(
            LAST,
            "report:report",
            version=2,
            params={
                "experiment": self.experiment.to_dict(),
                "use": self.match.use,
                "normalisation": asdict(self.card.normalisation),
                **({} if self.ignored is None else {"ignored": BACKGROUND}),
                **note,
            },
            inputs=inputs
            | {f"evaluation:{name}": source for name, source in self.ready_pixels.items()},
            weight=2,
            library_versions=STATISTICS,
        )


def _name(entry: ImageInput) -> str:
    """Names pixels by what is unusual about them: ``96``, ``28_1``, ``224_stretch``."""
    return "_".join(str(value) for value in entry.to_plain().values())
