"""What each block does to the answers on calibration photos, which judge nothing (TensorFlow)."""

import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base.errors import StageError
from effq_core.base.intervals import Proportion
from effq_core.base.reporting import PreparingReporter, Reporter
from effq_core.experiment.mixed import Layers, Precision
from effq_core.layers import effect_record
from effq_core.layers.closeness import closeness
from effq_core.layers.ledger import Clock, Ledger
from effq_core.quantize.calibration import Ranges
from effq_core.quantize.convert import quantize_mixed
from effq_core.runtimes.model import ModelPool
from effq_core.tflite.network import read_network
from effq_core.tflite.rewriting import halve_kernels

LEDGER = "effects.json"


class EffectMeter:
    """Measures effects of blocks and layers until its time is up.

    By ``ranges`` of tensors, on calibration photos, uint8 ``(n, side, side, 3)``; what is in
    ``scratch``, which survives a kill, is not measured again.
    """

    def __init__(
        self,
        float32: Path,
        ranges: Ranges,
        images: np.ndarray[Any, Any],
        *,
        settings: Layers,
        scratch: Path,
        reporter: Reporter,
        clock: Clock = time.monotonic,
    ) -> None:
        self._content = float32.read_bytes()
        self._network = read_network(self._content)
        self._ranges, self._images = ranges, images[: settings.images]
        self._budget = settings.budget_seconds
        self._ledger = Ledger(scratch, LEDGER, clock)
        self._file = scratch / "trial.tflite"
        self._reporter = reporter
        self._all = frozenset(op.tensor for op in self._network.ops)
        # The output's own steps of 1/256 would drown what one block does.
        self._output = frozenset(op.tensor for op in self._network.ops[-1:] if op.kind == "SOFTMAX")
        self._answers = ModelPool(float32).predict_many(self._images, PreparingReporter(reporter))

    def measure(self, method: str, percentile: float) -> effect_record.EffectRecord:
        """Measures what there is time for: blocks in int8, groups, blocks in floats, layers."""
        network = self._network
        baseline = self._row("int8", self._output)
        floats = self._row("floats", self._all)
        found: dict[str, dict[str, Any]] = {}
        for block in network.blocks:
            self._only(found, block.name, block.name, effect_record.EffectKind.BLOCK, block.tensors)
        groups: dict[str, dict[str, Any]] = {}
        for name, tensors in network.groups.items():
            if self._only(groups, name, name, effect_record.EffectKind.GROUP, tensors):
                self._without(groups[name], tensors, baseline["bytes"])
        worst = sorted(found.values(), key=lambda effect: -effect["only_kl"])
        for effect in worst:
            self._without(effect, network.by_name[effect["name"]].tensors, baseline["bytes"])
        missing = [block.name for block in network.blocks if block.name not in found]
        layers: dict[str, dict[str, Any]] = {}
        for name, owner, tensors in self._layers_that_matter(worst):
            if not self._only(layers, name, owner, effect_record.EffectKind.LAYER, tensors):
                missing.append(name)
                continue
            self._without(layers[name], tensors, baseline["bytes"])
        self._reporter.progress(len(self._ledger), len(self._ledger), "files")
        return effect_record.EffectRecord(
            images=len(self._images),
            method=method,
            percentile=percentile,
            baseline_kl=baseline["kl"],
            baseline_agreement=Proportion(**baseline["agreement"]),
            floats_kl=floats["kl"],
            floats_agreement=Proportion(**floats["agreement"]),
            effects=tuple(
                effect_record.BlockEffect.from_dict(each)
                for each in (*groups.values(), *found.values(), *layers.values())
            ),
            not_reached=tuple(missing),
            layer_share=effect_record.LAYER_SHARE,
            seconds=self._ledger.seconds,
            budget_seconds=self._budget,
        )

    def _only(
        self,
        found: dict[str, dict[str, Any]],
        name: str,
        block: str,
        kind: effect_record.EffectKind,
        tensors: Collection[str],
    ) -> bool:
        """Puts a block or layer alone into int8; returns whether there was time."""
        key = f"only:{kind}:{name}"
        if not self._has_time(key):
            return False
        row = self._row(key, (self._all - frozenset(tensors)) | self._output)
        found[name] = {
            "name": name,
            "kind": kind,
            "block": block,
            "n": len(self._images),
            "only_kl": row["kl"],
            "only_agreement": row["agreement"],
        }
        return True

    def _without(self, effect: dict[str, Any], tensors: Collection[str], int8: int) -> None:
        key = f"without:{effect['kind']}:{effect['name']}"
        if not self._has_time(key):
            return
        row = self._row(key, self._output | set(tensors), sizes=True)
        effect["without_kl"], effect["without_agreement"] = row["kl"], row["agreement"]
        effect["extra_float32"] = row["bytes"] - int8
        halved = row["halved_bytes"]
        effect["extra_float16"] = None if halved is None else halved - int8

    def _layers_that_matter(
        self, worst: list[dict[str, Any]]
    ) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Yields layers of the fewest blocks that carry most of the divergence."""
        for name in effect_record.heavy_blocks(
            {effect["name"]: effect["only_kl"] for effect in worst}
        ):
            layers = self._network.by_name[name].layers
            if len(layers) < 2:
                continue  # it would be the block again
            for layer, ops in layers.items():
                yield layer, name, tuple(op.tensor for op in ops)

    def _has_time(self, key: str) -> bool:
        return key in self._ledger or self._ledger.seconds < self._budget

    def _row(self, key: str, floats: Collection[str], *, sizes: bool = False) -> dict[str, Any]:
        row: dict[str, Any] = self._ledger.get(key, lambda: self._ask(floats, sizes=sizes))
        done = len(self._ledger)
        self._reporter.progress(done, max(done + 1, self._expected()), "files")
        return row

    def _ask(self, floats: Collection[str], *, sizes: bool) -> dict[str, Any]:
        self._reporter.check_cancelled()
        content = quantize_mixed(
            self._content, self._ranges, floats, Precision.FLOAT32, float_output=True
        )
        try:
            # A new file each time: interpreters map the old one until they are collected.
            self._file.unlink(missing_ok=True)
            self._file.write_bytes(content)
            pool = ModelPool(self._file)
            answers = pool.predict_many(self._images, PreparingReporter(self._reporter))
        finally:
            self._file.unlink(missing_ok=True)
        row = {"bytes": len(content), **closeness(self._answers, answers)}
        if sizes:
            row["halved_bytes"] = _halved_size(content)
        return row

    def _expected(self) -> int:
        """Files if time suffices: at most all layers of the share of blocks that may matter."""
        layers = sum(len(block.layers) for block in self._network.blocks)
        return 2 + 2 * len(self._network.groups) + 2 * len(self._network.blocks) + layers


def _halved_size(content: bytes) -> int | None:
    try:
        return len(halve_kernels(content))
    except StageError:
        return None  # float16 cannot hold its weights
