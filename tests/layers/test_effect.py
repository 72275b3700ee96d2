"""What each block does to the answers, on a network whose bad block is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import Cancelled, StoreError
from effq_core.base.reporting import SilentReporter
from effq_core.experiment.mixed import Layers
from effq_core.layers import effect as module
from effq_core.layers.effect import LEDGER, EffectMeter
from effq_core.layers.effect_record import (
    EFFECT_FILE,
    LAYER_SHARE,
    EffectKind,
    EffectRecord,
    heavy_blocks,
)
from effq_core.tflite.network import DEPTHWISE, RESIDUALS, SQUEEZE_EXCITE, read_network
from tests.layers.planted import BAD, Made, planted_net

BLOCKS = ("stem", "block1a", "block2a", "block3a", "block4a", "block4b", "head")
GROUPS = (RESIDUALS, DEPTHWISE, SQUEEZE_EXCITE)
ASKED = Layers(images=24, budget_seconds=36_000)


class Stopping(SilentReporter):
    """Cancels after some files, and remembers what it was told."""

    def __init__(self, after: int | None = None) -> None:
        self.after, self.told = after, list[tuple[int, int]]()

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        assert unit == "files"
        self.told.append((done, total))

    def check_cancelled(self) -> None:
        if self.after is not None and len(self.told) >= self.after:
            raise Cancelled("Stop.")


def meter(made: Made, images: np.ndarray, scratch: Path, **changes: object) -> EffectMeter:
    values = {"settings": ASKED, "reporter": SilentReporter(), **changes}
    return EffectMeter(made.float32, made.ranges, images, scratch=scratch, **values)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def record(planted: Made, patches: np.ndarray, tmp_path_factory) -> EffectRecord:
    folder = tmp_path_factory.mktemp("effect")
    return meter(planted, patches, folder).measure("min_max", 100.0)


def test_the_planted_channel_changes_nothing_in_floats(patches: np.ndarray) -> None:
    images = patches[:4].astype(np.float32)
    bad, good = planted_net(), planted_net(factor=1.0)
    np.testing.assert_allclose(bad(images), good(images), atol=1e-5)


def test_the_planted_block_comes_first_and_explains_the_loss(record: EffectRecord) -> None:
    first, second, *_ = record.ranked()
    assert first.name == BAD
    assert first.only_kl > 100 * second.only_kl
    assert record.baseline_agreement.share < 0.5
    assert first.without_agreement is not None
    assert first.without_agreement.share > 0.9
    gain = record.gain(first)
    assert gain is not None and gain > 0.9 * record.baseline_kl


def test_every_block_is_measured_with_its_photos_intervals_and_sizes(record: EffectRecord) -> None:
    assert tuple(effect.name for effect in record.blocks) == BLOCKS
    assert record.complete and record.images == ASKED.images
    for effect in record.blocks:
        share = effect.only_agreement
        assert effect.n == share.n == ASKED.images
        assert 0 <= share.low <= share.share <= share.high <= 1
    # The way of measuring itself adds nothing: all in floats is float32 again.
    assert record.floats_kl < 1e-9 and record.floats_agreement.share == 1
    head = record.by_name["head"]
    assert head.extra_float32 is not None and head.extra_float16 is not None
    assert head.extra_float32 > 2.5 * head.extra_float16 > 0


def test_residual_additions_are_measured_together_and_weigh_nothing(record: EffectRecord) -> None:
    assert {effect.name for effect in record.ranked(EffectKind.GROUP)} == set(GROUPS)
    group = record.by_name[RESIDUALS]
    assert group.without_kl is not None and group.extra_float16 is not None
    assert group.extra_float16 == group.extra_float32
    assert abs(group.extra_float16) < 3000  # operators at the borders, no weights


def test_layers_are_looked_at_inside_the_blocks_that_matter_only(
    record: EffectRecord, planted: Made
) -> None:
    layers = record.ranked(EffectKind.LAYER)
    assert {layer.block for layer in layers} == {BAD}
    expected = read_network(planted.float32).by_name[BAD].layers
    assert [e.name for e in record.effects if e.kind is EffectKind.LAYER] == list(expected)
    # Who makes the channel and who reads it share the blame; the rest of the block has none.
    guilty = {f"{BAD}_expand_conv", f"{BAD}_dwconv2"}
    assert {layer.name for layer in layers[:2]} == guilty
    assert layers[1].only_kl > 100 * layers[2].only_kl


def test_blocks_that_carry_most_of_the_loss_are_few() -> None:
    assert heavy_blocks({"a": 0.1, "b": 0.7, "c": 0.15, "d": 0.05}) == ("b", "c")
    assert heavy_blocks({"a": LAYER_SHARE, "b": 1 - LAYER_SHARE}) == ("a",)
    assert heavy_blocks({"a": 0.0, "b": 0.0}) == ()


def test_a_killed_measurement_goes_on_where_it_was(
    record: EffectRecord,
    planted: Made,
    patches: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []
    quantize = module.quantize_mixed

    def counted(*args: object, **named: object) -> bytes:
        made.append(1)
        return quantize(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "quantize_mixed", counted)
    with pytest.raises(Cancelled):
        meter(planted, patches, tmp_path, reporter=Stopping(6)).measure("min_max", 100.0)
    assert len(made) == 6
    listening = Stopping()
    again = meter(planted, patches, tmp_path, reporter=listening).measure("min_max", 100.0)
    assert replace(again, seconds=0) == replace(record, seconds=0)
    assert len(made) == len(json.loads((tmp_path / LEDGER).read_text())["results"])
    done = [done for done, _ in listening.told]
    assert done == sorted(done) and listening.told[-1] == (done[-1], done[-1])
    assert [path.name for path in tmp_path.iterdir()] == [LEDGER], "no file stays behind"


def test_a_damaged_notebook_costs_time_and_no_wrong_number(
    record: EffectRecord, planted: Made, patches: np.ndarray, tmp_path: Path
) -> None:
    (tmp_path / LEDGER).write_text('{"results": {"int8"')
    few = replace(ASKED, budget_seconds=30)
    found = meter(planted, patches, tmp_path, settings=few, clock=Ticking(20)).measure("x", 1.0)
    assert found.baseline_kl == record.baseline_kl


class Ticking:
    """A clock on which some seconds pass between two looks."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds = 0.0, seconds

    def __call__(self) -> float:
        self.now += self.seconds
        return self.now


def test_what_time_did_not_reach_is_recorded_as_such(
    planted: Made, patches: np.ndarray, tmp_path: Path
) -> None:
    few = Layers(images=16, budget_seconds=60)
    found = meter(planted, patches, tmp_path, settings=few, clock=Ticking(10)).measure("x", 1.0)
    reached = tuple(effect.name for effect in found.blocks)
    assert 0 < len(reached) < len(BLOCKS)
    assert (reached + found.not_reached)[: len(BLOCKS)] == BLOCKS
    assert not found.ranked(EffectKind.GROUP), "blocks come first"
    assert not found.complete
    assert all(found.gain(effect) is None for effect in found.blocks)
    assert found.seconds >= found.budget_seconds


def test_a_record_is_read_as_it_was_written_and_a_damaged_one_refused(
    record: EffectRecord, tmp_path: Path
) -> None:
    record.save(tmp_path)
    assert EffectRecord.load(tmp_path) == record
    path = tmp_path / EFFECT_FILE
    path.write_text(path.read_text()[:-40])
    with pytest.raises(StoreError, match="effects"):
        EffectRecord.load(tmp_path)
