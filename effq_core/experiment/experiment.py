"""The experiment: the frozen choice of everything a run depends on."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from effq_core.base.errors import ExperimentError
from effq_core.base.glossary import tip
from effq_core.base.plugins import MISSED
from effq_core.base.run_ids import validate_run_id
from effq_core.experiment.calibration import Calibration
from effq_core.experiment.fitted import Fitted
from effq_core.experiment.low_bits import LowBits
from effq_core.experiment.mixed import Layers, Mixed
from effq_core.experiment.qat import Qat
from effq_core.experiment.setting import Axis, Described, Use, setting, settings
from effq_core.experiment.variants import (
    BASELINE,
    CATALOGUE,
    FITTED,
    MIXED,
    PTQ,
    get_variant,
    in_catalogue_order,
    standard,
)

REFERENCE = "reference"  # names the bundled reference run where a run's id is expected
_SEEDS = (0, 2**31 - 1)
_SAMPLE_SIZES = (1, 10_000_000)
_PHOTOS = "Model and photos"
_SAMPLED = Use(
    variant=lambda variant: variant.trained,
    why="no chosen variant is fine-tuned and the model keeps its head",
    remedy="Add int8_qat",
)


@dataclass(frozen=True, kw_only=True)
class Experiment(Described):
    """Everything a run depends on. Two equal experiments give the same artifacts."""

    PANEL = "Measurement"

    model: str = setting(
        "efficientnetv2_b0_imagenette", noun="model", help="A model of `effq models`.",
        option="--model", panel=_PHOTOS,
    )  # fmt: skip
    dataset: str = setting(
        "photo_patches",
        noun="dataset",
        help="photo_patches (built in), imagenette (`effq datasets download imagenette`), "
        "photos:NAME, or a folder of photos.",
        option="--data",
        panel=_PHOTOS,
    )
    # float32 is always among them, because every other number is a difference to it.
    variants: tuple[str, ...] = setting(
        standard, noun="variant",
        help="Variants to make: names, standard, controls or all. float32 is always among them.",
        names=lambda: CATALOGUE, option="--variant", panel="Variants",
    )  # fmt: skip
    calibration: Calibration = setting(Calibration, noun="calibration")
    qat: Qat = setting(Qat, noun="fine-tuning")  # also of the float control
    low_bits: LowBits = setting(LowBits, noun="weights of few bits", omitted=True)
    training_size: int | None = setting(
        None, noun="training size", title="Training photos", help=tip("training_size"),
        bounds=_SAMPLE_SIZES, nothing="all that remain", all=True, option="--training-size",
        panel=Qat.PANEL, use=_SAMPLED,
    )  # fmt: skip
    evaluation_size: int | None = setting(
        None, noun="evaluation size", title="Evaluation photos", help=tip("evaluation_size"),
        bounds=_SAMPLE_SIZES, nothing="all there are", all=True, option="--evaluation-size",
    )  # fmt: skip
    image_size: int | None = setting(
        None, noun="image size", title="Input size", help=tip("image_size"), unit="pixels",
        bounds=(32, 600), suggested=(64, 96, 128, 160, 192, 224, 240, 260, 300),
        nothing="the model's own", option="--image-size",
    )  # fmt: skip
    threads: tuple[int, ...] = setting(
        (1, 2), noun="thread count", title="Threads", help=tip("threads"), bounds=(1, 64),
        option="--threads",
    )  # fmt: skip
    benchmark_invocations: int = setting(
        100, noun="number of timed invocations", title="Timed invocations",
        help="Timed invocations of each file at each thread count, with nothing else on the cores.",
        bounds=(100, 10_000), step=100, option="--invocations",
    )  # fmt: skip
    seed: int = setting(
        42, noun="seed", title="Seed", help=tip("seed"), bounds=_SEEDS, option="--seed",
        axis=Axis(
            name="seeds", title="seeds", words=lambda seed: f"seed {seed}", values=(1, 2, 3, 5, 8),
            help="Each seed draws other calibration and training photos, which shows how much "
            "chance matters. The evaluation photos stay the same.",
        ),
    )  # fmt: skip
    # Of what the runs of a sweep have in common, whatever their seed: the evaluation sample, and
    # the photos a new head is trained on. None: all is drawn by the seed.
    common_seed: int | None = setting(None, noun="common seed", bounds=_SEEDS, omitted=True)
    layers: Layers | None = setting(
        None, noun="look into the layers",
        help="Measure which blocks and layers lose accuracy in int8; `effq layers RUN` shows it.",
        option="--layers", panel=Layers.PANEL, omitted=True,
    )  # fmt: skip
    mixed: Mixed | None = setting(None, noun="mixed precision", variant=MIXED, omitted=True)
    fitted: Fitted | None = setting(None, noun="fitted bits", variant=FITTED, omitted=True)
    # Which time the latencies are taken, from 0: a later sitting keeps all but them.
    sitting: int = setting(0, noun="sitting", bounds=(0, 100_000), omitted=True)
    # A run whose files are measured on the dataset as they are, or the reference; nothing is made
    # then. None: the files are made from the dataset.
    files_of: str | None = setting(None, noun="run whose files are measured", omitted=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        needed = [other for name in self.variants for other in get_variant(name).needs]
        needed += [BASELINE, PTQ] if self.layers else [BASELINE]
        object.__setattr__(self, "variants", in_catalogue_order((*self.variants, *needed)))
        for part in settings(type(self)):
            if part.variant:
                given = getattr(self, part.name) or part.kind()
                asked = part.variant in self.variants
                object.__setattr__(self, part.name, given if asked else None)
        if self.files_of not in (None, REFERENCE):
            validate_run_id(self.files_of)
        if self.layers:
            self.require_own_files("Looking into the layers")

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Self:
        """Rebuilds it; ``ExperimentError`` for unknown keys or names and values out of range."""
        try:
            return super().from_dict(plain)
        except ExperimentError as error:
            raise ExperimentError(error.message, f"{error.hint} {MISSED}".strip()) from error

    @property
    def trains(self) -> bool:
        """Whether a chosen variant is to be fine-tuned."""
        return not self.files_of and any(get_variant(name).trained for name in self.variants)

    @property
    def calibrates(self) -> bool:
        """Whether a chosen variant is to be made with calibration photos."""
        needed = (get_variant(name).needs_calibration for name in self.variants)
        return not self.files_of and any(needed)

    def require_own_files(self, what: str) -> None:
        """Raises ``ExperimentError`` where the files are another run's; ``what`` begins it."""
        if self.files_of:
            raise ExperimentError(
                f"{what} needs the run that made the files: {self.files_of}.",
                f"Choose {self.files_of} in place of the run that measured its files.",
            )

    def canonical_json(self) -> str:
        """Returns the one JSON text equal experiments share (sorted keys, no spaces)."""
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    def fingerprint(self) -> str:
        """Returns the SHA-256 of :meth:`canonical_json`, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()


def next_sitting(experiment: Experiment, earlier: Iterable[Mapping[str, Any]]) -> Experiment:
    """Asks for the same experiment with a sitting that no earlier one had: other timings."""
    plain = replace(experiment, sitting=0)
    wanted = plain.to_dict()
    taken = [
        int(each.get("sitting", 0))
        for each in earlier
        if {name: value for name, value in each.items() if name != "sitting"} == wanted
    ]
    return replace(plain, sitting=max((experiment.sitting, *taken)) + 1)
