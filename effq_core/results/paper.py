"""What the paper EffQ retraces reports, and how far a run can be set beside it."""

from dataclasses import dataclass

from effq_core.base import formatting as fmt
from effq_core.base.errors import ModelError
from effq_core.base.intervals import Proportion, proportion
from effq_core.models.catalogue import get_model
from effq_core.results.document import Results

ARCHITECTURE = "efficientnetv2_b0"
IMAGE_SIZE = 224
CLASSES = 1000
CALIBRATION_SIZE = 500
EPOCHS = 5
TIMED = 100
EVALUATED = 500  # photos its accuracies rest on: ten classes, the first of an unshuffled folder


@dataclass(frozen=True, kw_only=True)
class PaperRow:
    """One line of the paper's tables."""

    variant: str  # name in the variant catalogue
    size_kib: int  # size of the file; printed as KB, but only KiB fit the graph
    top1: float  # share of its 500 photos, 0–1, as printed: two decimal places
    latency_ms: float  # mean of one loop of 100 invocations, thread count not given

    @property
    def accuracy(self) -> Proportion:
        """Top-1 with the interval 500 photos give; the paper prints none."""
        return proportion(round(self.top1 * EVALUATED), EVALUATED)


_ROWS = (
    PaperRow(variant="float32", size_kib=27_859, top1=0.87, latency_ms=27.9),
    PaperRow(variant="float16", size_kib=13_995, top1=0.87, latency_ms=26.7),
    PaperRow(variant="dynamic_range", size_kib=7_692, top1=0.87, latency_ms=34.1),
    PaperRow(variant="int8", size_kib=8_227, top1=0.84, latency_ms=29.3),
    PaperRow(variant="int8_qat", size_kib=8_310, top1=0.86, latency_ms=28.5),
)
PAPER: dict[str, PaperRow] = {row.variant: row for row in _ROWS}

ABOUT_QAT = (
    "The paper's QAT row is not quantization-aware: its published notebooks leave Conv2D and Dense "
    "without any fake-quant operator, so the model was fine-tuned as a float model."
)


@dataclass(frozen=True, kw_only=True)
class PaperView:
    """How a run relates to the paper."""

    # The paper's values to stand beside the run's, by variant; empty for another network.
    rows: dict[str, PaperRow]
    with_latency: bool  # whether its times may, too: the same input size
    # What is not the same, as sentences. Never empty: the machine always differs.
    differences: tuple[str, ...]


def beside_paper(results: Results) -> PaperView:
    """Tells which of the paper's values may stand beside a run's, and what differs."""
    if _architecture(results.experiment.model) != ARCHITECTURE:
        differences = (
            "The paper measured EfficientNetV2-B0, this run another network: no value of the "
            "paper stands beside it.",
        )
        return PaperView(rows={}, with_latency=False, differences=differences)
    rows = {name: row for name, row in PAPER.items() if name in results.variants}
    with_latency = results.model["image_size"] == IMAGE_SIZE
    return PaperView(rows=rows, with_latency=with_latency, differences=tuple(_differences(results)))


def _architecture(model: str) -> str:
    try:
        return get_model(model).architecture
    except ModelError:  # a model of another EffQ: certainly not known to be the paper's
        return ""


def _differences(results: Results) -> list[str]:
    experiment, n = results.experiment, results.baseline.accuracy.n
    classes = results.baseline.file.outputs[0].shape[-1]
    found = []
    if classes != CLASSES:
        found.append(
            f"This model has {fmt.counted(classes, 'class', 'classes')}, the paper's "
            f"{fmt.count(CLASSES)}: the last layer, and so the file, is smaller here and the task "
            "is easier."
        )
    found.append(
        f"Other photos: {results.dataset['title']}, {fmt.count(n)} of them; the paper used the "
        f"first {EVALUATED} of ImageNet-Mini."
    )
    size = results.model["image_size"]
    if size != IMAGE_SIZE:
        found.append(
            f"Photos are {size} pixels wide here and {IMAGE_SIZE} in the paper: times cannot be "
            "set side by side."
        )
    calibration = experiment.calibration
    if calibration.size != CALIBRATION_SIZE or calibration.method != "min_max":
        method = calibration.method.replace("_", "-")
        found.append(
            f"Calibration: {fmt.count(calibration.size)} photos, {method}; the paper "
            f"{CALIBRATION_SIZE}, min-max."
        )
    if "int8_qat" in results.variants:
        if experiment.qat.epochs != EPOCHS:
            found.append(f"QAT: {fmt.counted(experiment.qat.epochs, 'epoch')}; the paper {EPOCHS}.")
        found.append(ABOUT_QAT)
    found.append(
        f"Another machine: {results.hardware.cpu} here; the paper's times are means of one loop of "
        f"{TIMED} with the interpreter's default threads."
    )
    return found
