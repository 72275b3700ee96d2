"""What the stage keeps, on a real run's own files."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from effq_core.base.reporting import SilentReporter
from effq_core.learn.access import find_tensors
from effq_core.learn.collect import (
    ACTIVATIONS,
    LAYER_WEIGHTS,
    LAYERS,
    layer_name,
    read_layers,
    watch_activations,
)
from effq_core.learn.grids import make_grid
from effq_core.learn.ranges import find_range, grid_of, photo_sqnr
from effq_core.learn.tensors import Tensors
from effq_core.photos.pixels import read_pixels
from effq_core.quantize.calibration import ActivationStatistics, collect_statistics
from effq_core.results import load_reference
from effq_core.results.document import Results
from effq_core.store.artifacts import ArtifactStore

SILENT = SilentReporter()


@pytest.fixture(scope="module")
def tensors(tiny_run) -> Tensors:
    folder = find_tensors(tiny_run.results)
    assert folder is not None
    return Tensors.load(folder)


def quantized(path: Path) -> tuple[dict[str, dict], dict[str, dict]]:
    """Returns kernels' and outputs' quantization by layer, read from the int8 file."""
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    details = {d["index"]: d for d in interpreter.get_tensor_details()}
    kernels, outputs = {}, {}
    for op in interpreter._get_ops_details():
        if op["op_name"] == "DELEGATE":
            continue
        output = details[op["outputs"][0]]
        name = layer_name(output["name"])
        outputs.setdefault(name, []).append((op["op_name"], output["quantization_parameters"]))
        if op["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            kernels[name] = details[op["inputs"][1]]["quantization_parameters"]
    return kernels, outputs


def test_grids_are_those_of_the_real_int8_files_kernels(tiny_run, tensors: Tensors) -> None:
    kernels, _ = quantized(tiny_run.results.model_file("int8"))
    compared = 0
    for layer in tensors.layers:
        found = kernels[layer.name]
        per_channel = len(found["scales"]) > 1
        low, high = (layer.low, layer.high) if per_channel else (layer.low.min(), layer.high.max())
        grid = make_grid(low, high, 8, symmetric=True)
        assert found["scales"] == pytest.approx(grid.scale, rel=1e-5), layer.name
        assert not found["zero_points"].any()
        compared += 1
    assert compared == LAYERS


def test_ranges_are_those_of_the_real_int8_files_activations(tiny_run, tensors: Tensors) -> None:
    _, outputs = quantized(tiny_run.results.model_file("int8"))
    calibration = tiny_run.experiment.calibration
    assert calibration.method == "percentile"
    compared = 0
    for activation in tensors.activations:
        images = len(activation.minima)
        grid = grid_of(*find_range(activation, calibration.method, images, calibration.percentile))
        for op, found in outputs.get(activation.name, ()):
            if op != activation.kind:
                continue
            assert found["scales"] == pytest.approx(grid.scale, rel=1e-4), activation.name
            assert found["zero_points"] == grid.zero_point, activation.name
            compared += 1
    assert compared >= ACTIVATIONS // 2


def test_kernels_are_the_float_files_own(tiny_run, tensors: Tensors) -> None:
    interpreter = Interpreter(str(tiny_run.results.model_file("float32")))
    interpreter.allocate_tensors()
    details = {d["index"]: d for d in interpreter.get_tensor_details()}
    by_name = {
        layer_name(details[op["outputs"][0]]["name"]): op
        for op in interpreter._get_ops_details()
        if op["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    }
    for layer in tensors.layers:
        weights = interpreter.get_tensor(by_name[layer.name]["inputs"][1])
        axis = 3 if layer.kind == "DEPTHWISE_CONV_2D" else 0
        assert weights.shape == layer.shape
        channels = [np.take(weights, c, axis).ravel() for c in range(weights.shape[axis])]
        assert np.array_equal(layer.low, [c.min() for c in channels])
        assert np.array_equal(layer.high, [c.max() for c in channels])
        peak = np.abs(weights).max()
        for row, channel in enumerate(layer.channels):
            assert np.abs(layer.values[row] - channels[channel]).max() <= peak / 2048
        assert layer.values.size <= LAYER_WEIGHTS
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"} == {x.kind for x in tensors.layers}


def test_the_same_channels_are_drawn_every_time(tiny_run) -> None:
    path = tiny_run.results.model_file("float32")
    a, b = read_layers(path), read_layers(path)
    assert all(np.array_equal(x.channels, y.channels) for x, y in zip(a, b, strict=True))
    assert not all(layer.is_whole for layer in a)


def test_histograms_of_fewer_photos_and_of_single_ones_are_of_those_photos(tiny_run) -> None:
    store = ArtifactStore(tiny_run.home)
    path = find_tensors(tiny_run.results)
    made = store.find("tensors", path.name)
    sources = {
        name: store.find(each["stage"], each["fingerprint"]).path
        for name, each in made.inputs["inputs"].items()
    }
    images, _ = read_pixels(sources["calibration"])
    statistics = ActivationStatistics.load(sources["statistics"])
    watched = watch_activations(sources["float32"] / "model.tflite", images, statistics, SILENT)
    assert len(watched) == ACTIVATIONS
    assert watched[0].stops == (1, 2, 5, 10, 20)
    for activation in watched:
        assert len(activation.photos) == len(images) == 20
        # Every photo gives as many values, whatever is counted.
        share = activation.histograms.sum(axis=1) / activation.histograms[-1].sum()
        assert share == pytest.approx(np.array([1, 2, 5, 10, 20]) / 20)
        assert activation.photos.sum() == activation.histograms[-1].sum()
        assert len(set(activation.photos.sum(axis=1))) == 1
    again = collect_statistics(sources["float32"] / "model.tflite", images[:10], SILENT)
    names = [layer_name(name) for name in again.names]
    compared = 0
    for activation in watched:
        if names.count(activation.name) != 1:
            continue
        place = names.index(activation.name)
        if again.limits[place] != activation.limit:
            continue  # fewer photos, a shorter histogram
        ten = activation.histograms[activation.stops.index(10)]
        # Other kernels than calibration's: a value may cross the edge of its bin, no more.
        assert np.abs(ten - again.histograms[place]).sum() <= 0.01 * ten.sum()
        compared += 1
    assert compared >= 5


def test_a_run_without_calibration_keeps_kernels_alone(tiny_run, tmp_path: Path) -> None:
    from effq_core.pipeline.context import Link, StageContext
    from effq_core.pipeline.registry import get_stage
    from effq_core.pipeline.stage import StageSpec, StageTask
    from effq_core.pipeline.stages.learn import tensors as stage

    spec = StageSpec(name="tensors", stage=get_stage("learn:tensors"))
    task = StageTask(
        run_id="r", spec=spec, fingerprint="f", inputs={}, home=str(tmp_path), topic="topic"
    )
    context = StageContext(
        params={},
        inputs={"float32": tiny_run.results.model_file("float32").parent},
        summaries={},
        out=tmp_path,
        scratch=tmp_path,
        home=tiny_run.home,
        link=Link(task, lambda message: None),
    )
    assert stage(context) == {"layers": LAYERS, "activations": 0}
    assert Tensors.load(tmp_path).activations == ()


def test_tensors_are_found_without_the_database_and_by_what_they_were_made_from(
    tiny_run, tmp_path: Path
) -> None:
    found = find_tensors(tiny_run.results)
    assert found.parent.name == "tensors"
    copy = tmp_path / "artifacts"
    shutil.copytree(tiny_run.home.artifacts, copy)
    moved = Results.from_dict(tiny_run.results.plain, copy)
    assert find_tensors(moved) == copy / "tensors" / found.name
    shutil.rmtree(copy / "tensors")
    assert find_tensors(moved) is None


def test_the_reference_run_ships_its_tensors_and_they_show_what_they_are_to_teach() -> None:
    folder = find_tensors(load_reference())
    assert sum(file.stat().st_size for file in folder.iterdir()) < 3e6
    tensors = Tensors.load(folder)
    assert len(tensors.layers) == LAYERS
    assert len(tensors.activations) == ACTIVATIONS
    assert {len(a.minima) for a in tensors.activations} == {500}
    worst = 0.0
    for activation in tensors.activations:
        few, many = (
            np.median(photo_sqnr(activation, grid_of(*find_range(activation, "min_max", n))))
            for n in (10, 500)
        )
        assert many <= few + 0.5  # more photos never help a typical photo
        worst = max(worst, few - many)
    assert worst > 20


@pytest.mark.parametrize(
    ("tensor", "layer"),
    [
        ("net/stem_bn/FusedBatchNormV3;net/stem_conv/Conv2D1", "stem_conv"),
        ("net/stem_activation/mul_1", "stem_activation"),
        ("net/a_reshape/Reshape;;net/a_squeeze/Mean", "a_squeeze"),
        ("net/head/MatMul;net/head/BiasAdd", "head"),
        ("net/se/Conv2D;net/se/BiasAdd/ReadVariableOp/resource1", "se"),
        ("StatefulPartitionedCall:0", "StatefulPartitionedCall"),
        ("", ""),
        (";", ";"),
    ],
)
def test_a_layers_name_is_found_in_its_tensors(tensor: str, layer: str) -> None:
    assert layer_name(tensor) == layer
