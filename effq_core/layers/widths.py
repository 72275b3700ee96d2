"""Tries each layer at fewer bits: the error of its output, and what it does to the answers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from effq_core.base.intervals import Proportion
from effq_core.base.reporting import PreparingReporter, Reporter
from effq_core.experiment.fitted import WIDTHS
from effq_core.experiment.rounding_rules import ROUNDING
from effq_core.layers.closeness import closeness
from effq_core.layers.ledger import Clock, Ledger
from effq_core.layers.width_record import LayerWidths, Width, WidthRecord
from effq_core.quantize.low_bits import float_kernels, round_kernels
from effq_core.quantize.moments import Moments
from effq_core.quantize.output_error import output_error
from effq_core.runtimes.model import ModelPool
from effq_core.tflite.matrices import IntegerKernel, fitting_bits, matrix_products, with_kernels
from effq_core.tflite.network import read_network
from effq_core.tflite.product_layers import Layer, layers_of

LEDGER = "widths.json"
SHOWN = ("nearest", "gptq")
"""Rounding rules whose errors are shown beside the chosen one's."""
NARROW = tuple(bits for bits in WIDTHS if bits < 8)

Kernels = Mapping[int, Mapping[str, IntegerKernel]]
"""Rounded weights by bits and by the name of what a product makes."""


def rounded_at_each_width(
    matrices: bytes,
    float32: bytes,
    rule: str,
    moments: Mapping[str, Moments] | None,
    reporter: Reporter,
) -> dict[int, dict[str, IntegerKernel]]:
    """Rounds every layer to each width below 8 its inputs allow; Cancelled."""
    products = matrix_products(matrices)
    return {
        bits: round_kernels(
            matrices,
            float32,
            rule,
            {op.output.name: bits for op in products if fitting_bits(op, bits) == bits},
            moments if ROUNDING[rule].uses_photos else None,
            reporter,
        )
        for bits in NARROW
    }


class WidthMeter:
    """Measures layers at each width until its time is up.

    On calibration photos, uint8 ``(n, side, side, 3)``; what is in ``scratch``, which survives a
    kill, is not measured again.
    """

    def __init__(
        self,
        *,
        float32: Path,
        matrices: bytes,
        moments: Mapping[str, Moments],
        images: npt.NDArray[np.uint8],
        rule: str,
        budget_seconds: float,
        scratch: Path,
        reporter: Reporter,
        clock: Clock = time.monotonic,
    ) -> None:
        self._matrices, self._float32, self._moments = matrices, float32.read_bytes(), moments
        self._images, self._rule, self._reporter = images, rule, reporter
        self._budget, self._floats = budget_seconds, float_kernels(self._float32)
        self._ledger = Ledger(scratch, LEDGER, clock)
        self._file = scratch / "trial.tflite"
        self.layers = layers_of(matrices, read_network(self._float32))
        self._answers = ModelPool(float32).predict_many(images, PreparingReporter(reporter))

    def measure(self) -> WidthRecord:
        """Measures what there is time for, the layers of most weights first; Cancelled."""
        quiet = PreparingReporter(self._reporter)
        kernels = {
            rule: rounded_at_each_width(self._matrices, self._float32, rule, self._moments, quiet)
            for rule in dict.fromkeys((*SHOWN, self._rule))
        }
        baseline = self._ledger.get("int8", lambda: self._ask({}))
        answers = dict(self._tried(kernels[self._rule]))
        widths = sum(len(layer.bits) - 1 for layer in self.layers)
        return WidthRecord(
            images=len(self._images),
            rule=self._rule,
            baseline_kl=baseline["kl"],
            baseline_agreement=Proportion(**baseline["agreement"]),
            layers=tuple(
                LayerWidths(
                    name=layer.name,
                    block=layer.block,
                    tensor=layer.tensor,
                    widths=tuple(
                        replace(width, **answers.get((layer.tensor, width.bits), {}))
                        for width in self._errors(layer, kernels)
                    ),
                )
                for layer in self.layers
            ),
            complete=len(answers) == widths,
            seconds=self._ledger.seconds,
        )

    def _tried(self, kernels: Kernels) -> Iterator[tuple[tuple[str, int], dict[str, Any]]]:
        order = sorted(self.layers, key=lambda layer: -layer.weights)
        wanted = [(layer, bits) for layer in order for bits in layer.bits if bits < 8]
        for done, (layer, bits) in enumerate(wanted):
            self._reporter.progress(done, len(wanted), "files")
            key = f"{bits}:{layer.tensor}"
            if key not in self._ledger and self._ledger.seconds >= self._budget:
                return
            one = {layer.tensor: kernels[bits][layer.tensor]}
            row = self._ledger.get(key, partial(self._ask, one))
            found = {"kl": row["kl"], "agreement": Proportion(**row["agreement"])}
            yield (layer.tensor, bits), found

    def _ask(self, kernels: Mapping[str, IntegerKernel]) -> dict[str, Any]:
        self._reporter.check_cancelled()
        try:
            # A new file each time: interpreters map the old one until they are collected.
            self._file.unlink(missing_ok=True)
            self._file.write_bytes(with_kernels(self._matrices, kernels))
            pool = ModelPool(self._file)
            answers = pool.predict_many(self._images, PreparingReporter(self._reporter))
        finally:
            self._file.unlink(missing_ok=True)
        return closeness(self._answers, answers)

    def _errors(self, layer: Layer, kernels: Mapping[str, Kernels]) -> Iterator[Width]:
        weights, kernel = self._floats[layer.tensor][0], layer.op.kernel
        error = partial(output_error, weights, self._moments[layer.tensor])
        for bits in layer.bits:
            if bits == 8 and kernel is not None:
                own = kernel.values * kernel.scales.astype(np.float64)[:, None]
                errors = {"nearest": error(own)}
            else:
                found = {rule: each[bits][layer.tensor] for rule, each in kernels.items()}
                errors = {rule: error(each.weights) for rule, each in found.items()}
            yield Width(bits=bits, size_bytes=layer.size_bytes(bits), errors=errors)
