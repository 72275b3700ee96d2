"""What every plan of a run has: photos, measurements, the report. Imports no TensorFlow."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from effq_core.base import hardware
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.experiment.variants import Variant, get_variant
from effq_core.models.card import Label, ModelCard
from effq_core.models.class_names import without_numbers
from effq_core.models.classes import ClassMatch, HeadNote
from effq_core.models.own.extra_output import BACKGROUND, beside
from effq_core.photos.catalogue import open_dataset
from effq_core.photos.image_input import ImageInput
from effq_core.photos.index import Dataset
from effq_core.pipeline.plan_model import ready_stage
from effq_core.pipeline.stage import BENCHMARK, LAST, Plan, StageList
from effq_core.runtimes.registry import RUNTIMES


class MeasuringPlanner(StageList, ABC):
    """Plans the measurement of files, wherever they come from."""

    match: ClassMatch  # how the photos' labels are read from the files' outputs
    entry: ImageInput  # what the files take
    head_note: HeadNote  # why the head is a new one; empty where it is not

    def __init__(
        self, experiment: Experiment, home: Home, card: ModelCard, dataset: Dataset | None
    ) -> None:
        super().__init__()
        self.experiment, self.home, self.card = experiment, home, card
        self.dataset = dataset or open_dataset(experiment.dataset, home)
        self.variants = [get_variant(name) for name in experiment.variants]
        self.ready_pixels: dict[str, str] = {}
        self.training_images = experiment.training_size or 2000  # only to estimate times

    @abstractmethod
    def plan(self) -> Plan:
        """Returns the stages, ending in ``report``."""

    @property
    @abstractmethod
    def output_labels(self) -> Sequence[Label]:
        """Labels of the files' outputs, a new head's included."""

    @property
    def ignored(self) -> int | None:
        """The files' "background", where every class of the photos is another output."""
        if not self.match.class_map:
            return None
        names = without_numbers([label.name for label in self.output_labels], in_order=True)
        return beside(names, without_numbers(self.dataset.class_names, in_order=False))

    def _index(self) -> None:
        params = {"dataset": self.experiment.dataset, "state": self.dataset.state()}
        self.add("index", "data:index", params=params, weight=3)

    def _evaluation(self) -> None:
        size = self.experiment.evaluation_size
        self._pixels("evaluation", {"calibration": 0, "training": 0, "evaluation": size})

    def _measurements(self) -> None:
        for variant in self.variants:
            self._measure(variant.name, RUNTIMES[variant.runtime].packages)
        self._time()

    def _lookalikes(self) -> None:
        roles = ("calibration", "training", "head", "evaluation")
        made = {spec.name for spec in self.stages}
        inputs = {role: name for role in roles if (name := f"pixels:{role}") in made}
        if len(inputs) > 1:  # evaluation alone resembles nothing the model is made with
            weight = 1 + self.training_images / 2000
            self.add("lookalikes", "lookalikes:lookalikes", inputs=inputs, weight=weight)

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
        inputs = {"index": "index"}
        weight = (sizes[role] or 2000) / 400
        self.add(
            name or f"pixels:{role}", "data:pixels", params=params, inputs=inputs, weight=weight
        )

    def take_ready(self, variant: str) -> None:
        """Plans an added file, and the photos as it wants them."""
        names = [label.name for label in self.output_labels]
        params, entry = ready_stage(variant, self.home, names)
        self.add(f"convert:{variant}", "own:ready_file", params=params)
        if entry != self.entry:  # the same photos, as the file wants them
            self.ready_pixels[variant] = name = f"pixels:evaluation_{_name(entry)}"
            sizes = {"calibration": 0, "training": 0, "evaluation": self.experiment.evaluation_size}
            self._pixels("evaluation", sizes, name=name, entry=entry)

    def _measure(self, variant: str, packages: tuple[str, ...]) -> None:
        pixels = self.ready_pixels.get(variant, "pixels:evaluation")
        inputs = {"file": f"convert:{variant}", "evaluation": pixels}
        self.add(
            f"inspect:{variant}",
            "measure:inspect",
            inputs=inputs,
            weight=12,
            extra_libraries=packages,
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
            extra_libraries=packages,
        )

    def _time(self) -> None:
        """Times all files in one sitting: one more variant, and all are timed again."""
        threads, variants = self.experiment.threads, self.variants
        self.add(
            BENCHMARK,
            "measure:benchmark",
            params={
                "threads": threads,
                "invocations": self.experiment.benchmark_invocations,
                # A timing belongs to a machine: another one must not reuse it.
                "host": hardware.describe().to_dict(),
                **({"sitting": sitting} if (sitting := self.experiment.sitting) else {}),
            },
            inputs={v.name: f"convert:{v.name}" for v in variants},
            exclusive=True,
            extra_libraries=tuple(e for v in variants for e in RUNTIMES[v.runtime].packages),
            weight=3 + len(variants) * (3 + 2 * len(threads)),
        )

    def _report(self) -> None:
        inputs = report_inputs(self.variants, {spec.name for spec in self.stages})
        note = {"head_note": said} if (said := self.head_note.text) else {}
        self.add(
            LAST,
            "report:report",
            params={
                "experiment": self.experiment.to_dict(),
                "use": self.match.use,
                "normalisation": asdict(self.card.normalisation),
                **({} if self.ignored is None else {"ignored": BACKGROUND}),
                **note,
            },
            inputs=inputs | {f"evaluation:{n}": s for n, s in self.ready_pixels.items()},
            weight=2,
        )


def _name(entry: ImageInput) -> str:
    """Names pixels by what is unusual about them: ``96``, ``28_1``, ``224_stretch``."""
    return "_".join(str(value) for value in entry.to_plain().values())


_MEASURES = ("inspect", "evaluate", "keras")


def report_inputs(variants: Iterable[Variant], made: set[str]) -> dict[str, str]:
    """Lists the inputs of the stage ``report``, by the name it knows them under."""
    wanted = {name: name for name in ("index", "model", "lookalikes", BENCHMARK)}
    wanted |= {role: f"pixels:{role}" for role in ("calibration", "training", "evaluation")}
    for variant in variants:
        name = variant.name
        wanted[f"file:{name}"] = f"convert:{name}"
        wanted |= {(key := f"{what}:{name}"): key for what in _MEASURES}
        wanted[f"training:{name}"] = variant.training
    return {name: source for name, source in wanted.items() if source in made}
