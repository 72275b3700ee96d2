"""Each figure against NumPy on the tensors themselves, on a real run's own files."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from planting import plant, quantize  # noqa: E402 - needs the path above
from tiny_files import artifact  # noqa: E402

from effq_core.base.errors import Cancelled, ModelError, StageError  # noqa: E402
from effq_core.base.reporting import SilentReporter  # noqa: E402
from effq_core.experiment.mixed import Precision  # noqa: E402
from effq_core.layers.signal import measure_signal  # noqa: E402
from effq_core.layers.signal_record import SignalRecord  # noqa: E402
from effq_core.photos.pixels import read_pixels  # noqa: E402
from effq_core.quantize.calibration import ActivationStatistics  # noqa: E402
from effq_core.quantize.convert import quantize_mixed, quantize_with_ranges  # noqa: E402
from effq_core.runtimes.model import Model  # noqa: E402
from effq_core.tflite.file import read_tflite  # noqa: E402
from effq_core.tflite.network import read_network  # noqa: E402

SILENT = SilentReporter()
PHOTOS = 4


@pytest.fixture(scope="module")
def images(tiny_run) -> np.ndarray:
    pixels, _ = read_pixels(artifact(tiny_run, "pixels:evaluation"))
    return np.asarray(pixels[:PHOTOS])


@pytest.fixture(scope="module")
def record(tiny_run, images: np.ndarray) -> SignalRecord:
    files = [tiny_run.results.model_file(name) for name in ("float32", "int8")]
    return measure_signal(*files, images, SILENT)


def values_of(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns all activations of all photos as real numbers, by name, (photos, ..., channels)."""
    model, graph = Model(path, keep_values=True), read_tflite(path).main
    found: dict[str, list[np.ndarray]] = {}
    for image in images:
        model.predict(image)
        for tensor in graph.makers:
            values = model.session.value(tensor.index).astype(np.float64)
            found.setdefault(tensor.name, []).append(
                (values - tensor.grid[1]) * tensor.grid[0] if tensor.grid else values
            )
    return {name: np.concatenate(each) for name, each in found.items()}


def photo_db(exact: np.ndarray, rounded: np.ndarray) -> float:
    """Returns the ratio of one photo's values, or of its median channel, if that is lower."""
    axes = tuple(range(exact.ndim - 1))
    signal, noise = (exact**2).sum(axes), ((exact - rounded) ** 2).sum(axes)
    with np.errstate(divide="ignore"):
        whole = float(10 * np.log10(signal.sum() / noise.sum()))
        channels = np.sort(10 * np.log10(signal[signal > 0] / noise[signal > 0]))
    if exact[..., 0].size == 1:
        return whole
    return min(whole, float(channels[(len(channels) - 1) // 2]))


def test_every_figure_of_an_activation_is_numpys(tiny_run, record, images) -> None:
    exact = values_of(tiny_run.results.model_file("float32"), images)
    rounded = values_of(tiny_run.results.model_file("int8"), images)
    assert len(record.tensors) == 268
    finite = 0
    for seen in record.tensors:
        x, y = exact[seen.tensor], rounded[seen.tensor]
        axes = tuple(range(x.ndim - 1))
        signal, noise = (x**2).sum(axes), ((x - y) ** 2).sum(axes)
        assert (seen.low, seen.high) == (x.min(), x.max())
        cosine = (x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum())
        assert seen.cosine == pytest.approx(cosine, abs=2e-5)
        step = seen.scale
        assert seen.int8_low == pytest.approx(step * (-128 - seen.zero_point))
        assert seen.int8_high - seen.int8_low == pytest.approx(255 * step)
        outside = (x < seen.int8_low - step / 2) | (x > seen.int8_high + step / 2)
        assert seen.clipped_share == pytest.approx(outside.mean(), abs=2 / x.size)
        assert seen.edges[0] <= min(seen.low, seen.int8_low) + 1e-9
        assert seen.edges[-1] >= max(seen.high, seen.int8_high) - 1e-9
        assert 64 <= len(seen.histogram) <= 128
        if noise.sum() == 0:
            assert seen.sqnr_db == math.inf
            continue
        finite += 1
        assert seen.sqnr_db == pytest.approx(10 * np.log10(signal.sum() / noise.sum()), abs=0.01)
        photos = [photo_db(a, b) for a, b in zip(x, y, strict=True)]
        assert seen.typical_db == pytest.approx(sorted(photos)[(PHOTOS - 1) // 2], abs=0.05)
        if x[0, ..., 0].size == 1:
            assert seen.channel_db == seen.sqnr_db
            continue
        with np.errstate(divide="ignore"):
            channels = np.sort(10 * np.log10(signal[signal > 0] / noise[signal > 0]))
        assert seen.channel_db == pytest.approx(channels[(len(channels) - 1) // 2], abs=0.05)
    assert finite > 200


def test_a_histogram_is_numpys_over_its_own_edges(tiny_run, record, images) -> None:
    exact = values_of(tiny_run.results.model_file("float32"), images)
    # Whose values are all counted: small tensors.
    compared = [each for each in record.tensors if exact[each.tensor][0].size <= 16_384]
    assert len(compared) > 100
    for seen in compared:
        expected = np.histogram(exact[seen.tensor], seen.edges)[0]
        assert expected.sum() == seen.histogram.sum() == exact[seen.tensor].size
        # A value on an edge may be a last digit to either side of it.
        assert np.abs(expected - seen.histogram).sum() <= 4


def test_every_figure_of_a_kernel_is_numpys(tiny_run, record) -> None:
    files = [read_tflite(tiny_run.results.model_file(name)) for name in ("float32", "int8")]
    kernels = [
        {
            op.output.name: (op.kernel.values.astype(np.float64), op.kernel)
            for op in file.main.operators
            if op.kernel
        }
        for file in files
    ]
    assert len(record.kernels) == 93
    for seen in record.kernels:
        (exact, _), (stored, grid) = (each[seen.tensor] for each in kernels)
        axis = 3 if seen.kind == "DEPTHWISE_CONV_2D" else 0
        shape = [1] * exact.ndim
        shape[axis] = -1
        rounded = stored * grid.scales.reshape(shape)
        db = 10 * np.log10((exact**2).sum() / ((exact - rounded) ** 2).sum())
        # Weights that are exact in integers are so up to float32's own rounding, 140 dB and more.
        assert min(seen.sqnr_db, 140) == pytest.approx(min(db, 140), abs=0.01), seen.tensor
        others = tuple(i for i in range(exact.ndim) if i != axis)
        assert np.array_equal(seen.low, exact.min(others))
        assert np.array_equal(seen.high, exact.max(others))
        assert np.array_equal(seen.scales, grid.scales)
        widths = np.abs(exact).max(others)
        assert seen.spread == pytest.approx(widths.max() / np.median(widths))
        assert seen.histogram.sum() == exact.size


def test_photos_both_models_agree_on_are_counted(tiny_run, record, images) -> None:
    first, second = (Model(tiny_run.results.model_file(v)) for v in ("float32", "int8"))
    same = sum(first.predict(i).argmax() == second.predict(i).argmax() for i in images)
    assert (record.images, record.agreed) == (PHOTOS, same)


def test_values_outside_a_range_planted_too_narrow_are_counted(
    tiny_run, record, images, tmp_path: Path
) -> None:
    statistics = ActivationStatistics.load(artifact(tiny_run, "calibrate"))
    calibration = tiny_run.experiment.calibration
    ranges = dict(statistics.ranges(calibration.method, calibration.percentile))
    float32 = tiny_run.results.model_file("float32")
    narrow = next(t for t in record.tensors if t.layer == "block3b_add")
    low, high = ranges[narrow.tensor]
    ranges[narrow.tensor] = low / 8, high / 8
    file = tmp_path / "model.tflite"
    file.write_bytes(quantize_with_ranges(float32.read_bytes(), ranges))
    found = measure_signal(float32, file, images, SILENT).by_tensor[narrow.tensor]
    exact = values_of(float32, images)[narrow.tensor]
    step = found.scale
    expected = np.mean((exact < low / 8 - step) | (exact > high / 8 + step))
    assert found.clipped_share == pytest.approx(expected, abs=0.01)
    assert found.clipped_share > 0.05 > narrow.clipped_share
    assert found.sqnr_db < narrow.sqnr_db - 10
    assert found.edges[-1] >= found.high > found.int8_high
    assert found.used_share == pytest.approx(1)


def test_a_planted_bad_channel_is_found_where_it_is(tiny_run, images, tmp_path: Path) -> None:
    original = tiny_run.results.model_file("float32")
    float32 = plant(original, tmp_path)
    first, second = Model(original), Model(float32)
    for image in images:
        assert second.predict(image) == pytest.approx(first.predict(image), abs=1e-3)
    found = measure_signal(float32, quantize(float32, images), images, SILENT)
    blocks = {each.block: each for each in found.by_block()}
    bad = blocks["block2a"]
    assert bad.output.layer == bad.widest.layer == "block2a_project_conv"
    assert bad.output.channel_db < 5
    # One huge channel rules the sum over all: by that alone, nothing would seem to be wrong here.
    assert bad.output.sqnr_db > 20
    assert bad.widest.spread > 500
    assert max(blocks.values(), key=lambda b: b.lost_db if b.block != "stem" else 0) is bad
    assert blocks["block1a"].output_db > 20


def test_a_model_trained_on_has_other_names_and_is_matched_by_place(tiny_run, images) -> None:
    files = [tiny_run.results.model_file(name) for name in ("float32", "int8_qat")]
    found = measure_signal(*files, images[:1], SILENT)
    assert len(found.tensors) == 268 and len(found.kernels) == 93
    assert min(each.cosine for each in found.tensors[:20]) > 0.9


def test_a_tensor_in_floats_has_no_grid_and_no_clipped_values(tiny_run, images) -> None:
    files = [tiny_run.results.model_file(name) for name in ("float32", "float16")]
    found = measure_signal(*files, images[:1], SILENT)
    assert {each.scale for each in found.tensors} == {None}
    assert {each.clipped_share for each in found.tensors} == {0.0}
    assert min(each.sqnr_db for each in found.tensors) > 40
    assert {len(each.scales) for each in found.kernels} == {0}
    assert min(each.sqnr_db for each in found.kernels) > 60


def test_of_a_mixed_file_only_what_stays_in_floats_has_no_grid(
    tiny_run, images, tmp_path: Path
) -> None:
    float32 = tiny_run.results.model_file("float32")
    statistics = ActivationStatistics.load(artifact(tiny_run, "calibrate"))
    kept = read_network(float32).tensors_of(["block3a"])
    file = tmp_path / "model.tflite"
    ranges = statistics.ranges(tiny_run.experiment.calibration.method, 99.9)
    file.write_bytes(quantize_mixed(float32.read_bytes(), ranges, kept, Precision.FLOAT16))
    found = measure_signal(float32, file, images[:1], SILENT)
    # Operators at the border of integers and floats have no counterpart, and hide none.
    assert len(found.tensors) == 268 and len(found.kernels) == 93
    assert {each.tensor for each in found.tensors if each.scale is None} == set(kept)
    assert {each.block for each in found.kernels if not each.scales.size} == {"block3a"}
    assert min(each.sqnr_db for each in found.kernels if each.block == "block3a") > 60


def test_files_of_different_models_are_not_compared(tiny_run, images, tmp_path: Path) -> None:
    from effq_core.results import load_reference

    with pytest.raises(ModelError, match="not files of the same model"):
        measure_signal(
            tiny_run.results.model_file("float32"),
            load_reference().model_file("int8"),
            images,
            SILENT,
        )


def test_no_photo_is_no_comparison(tiny_run, images) -> None:
    files = [tiny_run.results.model_file(name) for name in ("float32", "int8")]
    with pytest.raises(StageError, match="no photo"):
        measure_signal(*files, images[:0], SILENT)


def test_cancelling_stops_before_the_next_photo(tiny_run, images) -> None:
    class Impatient(SilentReporter):
        done = 0

        def progress(self, done: int, total: int, unit: str = "images") -> None:
            self.done = done

        def check_cancelled(self) -> None:
            if self.done == 2:
                raise Cancelled("enough")

    reporter = Impatient()
    files = [tiny_run.results.model_file(name) for name in ("float32", "int8")]
    with pytest.raises(Cancelled):
        measure_signal(*files, images, reporter)
    assert reporter.done == 2
