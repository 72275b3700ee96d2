"""Bits of a small network: each layer tried alone, fitted to a size, and made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effq_core.base.errors import Cancelled, ModelError, StageError
from effq_core.base.reporting import SilentReporter
from effq_core.layers.fit import Known, fit
from effq_core.layers.fit_bounds import size_limit, size_of
from effq_core.layers.fit_wording import FitLimits
from effq_core.layers.named_widths import by_layer
from effq_core.layers.trial_record import Suggestion
from effq_core.layers.width_costs import costs_of
from effq_core.layers.width_record import WidthRecord
from effq_core.layers.width_trials import WidthBench
from effq_core.layers.widths import LEDGER, SHOWN, WidthMeter, rounded_at_each_width
from effq_core.measure.gates.weight_bits import weight_bits_gate
from effq_core.measure.predictions import Predictions
from effq_core.quantize.moments import Moments, collect_moments
from effq_core.runtimes.model import ModelPool
from effq_core.tflite.matrices import with_kernels, with_matrices
from effq_core.tflite.network import read_network
from effq_core.tflite.product_layers import bits_in, blocks_of, layers_of
from tests.layers.conftest import CALIBRATION
from tests.layers.planted import Made, make, planted_net
from tests.layers.test_suggest import quick


class Small:
    """A small network without anything planted, and what its layers cost."""

    def __init__(self, made: Made, images: np.ndarray, folder: Path) -> None:
        self.made, self.images = made, images
        self.int8 = made.int8.read_bytes()
        self.matrices = with_matrices(self.int8)
        self.network = read_network(made.float32)
        self.layers = layers_of(self.matrices, self.network)
        path = folder / "matrices.tflite"
        path.write_bytes(self.matrices)
        self.moments: dict[str, Moments] = collect_moments(path, images, SilentReporter())

    def meter(self, scratch: Path, **named: Any) -> WidthMeter:
        usual: dict[str, Any] = {
            "float32": self.made.float32,
            "matrices": self.matrices,
            "moments": self.moments,
            "images": self.images,
            "rule": "gptq",
            "budget_seconds": 36_000,
            "scratch": scratch,
            "reporter": SilentReporter(),
        }
        return WidthMeter(**{**usual, **named})

    def answers(self, file: Path) -> Predictions:
        keys = [str(number) for number in range(len(self.images))]
        return Predictions(ModelPool(file).predict_many(self.images), None, None, keys)

    def fit(self, record: WidthRecord, limits: FitLimits, scratch: Path) -> Suggestion:
        float32 = self.made.float32.read_bytes()
        kernels = rounded_at_each_width(
            self.matrices, float32, "gptq", self.moments, SilentReporter()
        )
        bench = WidthBench(
            matrices=self.matrices,
            layers=self.layers,
            kernels=kernels,
            limits=limits,
            float32=self.made.float32,
            int8=self.made.int8,
            images=self.images,
            answers=self.answers(self.made.float32),
            int8_answers=self.answers(self.made.int8),
            budget_seconds=36_000,
            scratch=scratch,
            reporter=SilentReporter(),
            timing=quick,
        )
        sizes = {
            layer.name: {bits: layer.size_bytes(bits) for bits in layer.bits}
            for layer in self.layers
        }
        fewest = {layer.name: min(layer.bits) for layer in self.layers}
        fixed = size_of(self.matrices, self.layers, fewest)
        fixed -= sum(sizes[name][bits] for name, bits in fewest.items())
        known = Known(costs=costs_of(record), sizes=sizes, fixed_bytes=fixed, times=None)
        return fit(bench, known, limits, float32_bytes=len(float32))


@pytest.fixture(scope="module")
def small(patches: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Small:
    folder = tmp_path_factory.mktemp("small")
    images = patches[:CALIBRATION]
    return Small(make(planted_net(factor=1.0), images, folder), images, folder)


@pytest.fixture(scope="module")
def record(small: Small, tmp_path_factory: pytest.TempPathFactory) -> WidthRecord:
    return small.meter(tmp_path_factory.mktemp("widths")).measure()


def test_every_layer_is_tried_at_every_width_it_can_have(
    small: Small, record: WidthRecord, tmp_path: Path
) -> None:
    assert record.complete and record.images == CALIBRATION
    assert [layer.name for layer in record.layers] == [layer.name for layer in small.layers]
    assert {layer.block for layer in record.layers} >= {"block3a", "head"}
    for layer, own in zip(record.layers, small.layers, strict=True):
        assert tuple(layer.by_bits) == own.bits
        assert layer.by_bits[8].kl is None and set(layer.by_bits[8].errors) == {"nearest"}
        for bits, width in layer.by_bits.items():
            assert width.size_bytes == own.weights * bits // 8
            assert bits == 8 or (width.kl is not None and set(width.errors) == set(SHOWN))
        errors = [width.errors["nearest"] for width in layer.widths]
        assert errors == sorted(errors), "fewer bits cannot be closer"
    record.save(tmp_path)
    assert WidthRecord.load(tmp_path) == record


def test_gptq_errs_less_than_nearest_and_two_bits_change_answers_more(record: WidthRecord) -> None:
    def summed(bits: int, rule: str) -> float:
        found = [layer.by_bits[bits] for layer in record.layers if bits in layer.by_bits]
        return sum(width.errors[rule] for width in found)

    assert summed(4, "gptq") < 0.5 * summed(4, "nearest")
    assert summed(2, "gptq") < 0.5 * summed(2, "nearest")
    two = [layer.by_bits[2].kl or 0.0 for layer in record.layers if 2 in layer.by_bits]
    four = [layer.by_bits[4].kl or 0.0 for layer in record.layers if 4 in layer.by_bits]
    assert sum(two) > sum(four)


def test_layers_there_was_no_time_for_are_judged_by_their_outputs_error(
    small: Small, record: WidthRecord, tmp_path: Path
) -> None:
    ticks = iter(range(10_000))
    clock = lambda: 10.0 * next(ticks)  # noqa: E731
    found = small.meter(tmp_path, budget_seconds=200, clock=clock).measure()
    known = [width for layer in found.layers for width in layer.widths if width.kl is not None]
    assert not found.complete and 0 < len(known) < len(found.layers)
    largest = max(small.layers, key=lambda layer: layer.weights)
    assert found.by_name[largest.name].by_bits[4].kl is not None
    for table in costs_of(found).values():
        assert all(table[layer.name][bits] > 0 for layer in small.layers for bits in layer.bits[1:])


def test_a_cancelled_look_goes_on_where_it_was(small: Small, tmp_path: Path) -> None:
    class Cancels(SilentReporter):
        def check_cancelled(self) -> None:
            path = tmp_path / LEDGER
            if path.is_file() and path.read_text().count("kl") > 5:
                raise Cancelled("Stop.")

    with pytest.raises(Cancelled):
        small.meter(tmp_path, reporter=Cancels()).measure()
    before = small.meter(tmp_path, budget_seconds=0).measure()
    kept = [width for layer in before.layers for width in layer.widths if width.kl is not None]
    assert kept and not before.complete


def test_the_file_fits_the_size_and_has_the_bits_its_recipe_says(
    small: Small, record: WidthRecord, tmp_path: Path
) -> None:
    fewest = {layer.name: min(layer.bits) for layer in small.layers}
    least = size_of(small.matrices, small.layers, fewest)
    asked = -(-((least + len(small.matrices)) // 2) // 1024)
    limits = size_limit(small.matrices, small.layers, len(small.int8), asked)
    found = small.fit(record, limits, tmp_path)
    widths = found.choice.widths
    assert found.met and widths and found.choice.size_bytes <= limits.size_bytes
    assert found.choice.size_bytes > 0.97 * limits.size_bytes, "room was left"
    assert Suggestion.from_dict(found.to_dict()) == found
    kernels = rounded_at_each_width(
        small.matrices, small.made.float32.read_bytes(), "gptq", small.moments, SilentReporter()
    )
    chosen = {
        layer.tensor: kernels[widths[layer.name]][layer.tensor]
        for layer in small.layers
        if widths[layer.name] < 8
    }
    file = with_kernels(small.matrices, chosen)
    assert len(file) == found.choice.size_bytes
    assert bits_in(file, small.network) == widths
    asked_for = {layer.tensor: widths[layer.name] for layer in small.layers}
    assert weight_bits_gate(file, asked_for).passed
    name = next(iter(chosen))
    other = weight_bits_gate(file, {**asked_for, name: 8, "gone": 4})
    assert not other.passed and other.value == 2
    assert not weight_bits_gate(file, 4).passed, "a uniform file has other bits"


def test_sizes_no_file_has_and_sizes_int8_has_are_refused_in_words(small: Small) -> None:
    def limit(size: int | None) -> FitLimits:
        return size_limit(small.matrices, small.layers, len(small.int8), size)

    with pytest.raises(StageError, match="with the fewest bits everywhere it takes") as error:
        limit(1)
    assert limit(int("".join(filter(str.isdigit, error.value.hint)))).asked_size
    with pytest.raises(StageError, match="int8 itself takes"):
        limit(10_000)
    usual = limit(None)
    assert not usual.asked_size and usual.size_bytes < len(small.int8)
    with pytest.raises(StageError, match="can have fewer than 8 bits"):
        size_limit(small.int8, (), len(small.int8), None)


def test_named_widths_count_by_layer_then_block_then_group(small: Small) -> None:
    some = [layer for layer in small.layers if layer.block == "block3a" and min(layer.bits) == 2]
    named = {"block3a": 4, some[0].name: 2, "squeeze_excite": 2}
    found = by_layer(small.layers, small.network, named)
    assert found[some[0].name] == 2
    assert {found[layer.name] for layer in some[1:]} == {4}
    assert found[next(layer.name for layer in small.layers if layer.block == "head")] == 8
    blocks = blocks_of(small.layers, found)
    assert 2 < blocks["block3a"] < 8 and blocks["head"] == 8
    with pytest.raises(ModelError, match="fewer than 8 bits"):
        by_layer(small.layers, small.network, {"stem": 4})
    with pytest.raises(ModelError, match="no block, layer or group"):
        by_layer(small.layers, small.network, {"block9z": 4})
