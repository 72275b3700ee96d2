"""Making one file of fitted bits and measuring all that limits are set on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from effq_core.experiment.variants import FITTED
from effq_core.layers.fit_wording import FitLimits, broken_fit
from effq_core.layers.trial_files import Trials
from effq_core.layers.trial_record import TrialRecord
from effq_core.layers.widths import Kernels
from effq_core.tflite.matrices import with_kernels
from effq_core.tflite.product_layers import Layer


class WidthBench(Trials):
    """Tries bits of layers, with weights rounded before, on calibration photos."""

    def __init__(
        self,
        *,
        matrices: bytes,
        layers: tuple[Layer, ...],
        kernels: Kernels,
        limits: FitLimits,
        **measuring: Any,
    ) -> None:
        super().__init__(FITTED, **measuring)
        self._matrices, self._layers = matrices, layers
        self._kernels, self._limits = kernels, limits

    def trial(self, widths: Mapping[str, int]) -> TrialRecord:
        """Measures the file whose layers, by name, have these bits; with none, int8 itself.

        Raises what :meth:`~effq_core.layers.trial_files.Trials.measured` does, but for the first
        file: without one there would be no result.
        """
        return self.measured(
            "widths:" + json.dumps(dict(sorted(widths.items()))),
            (lambda: self._made(widths)) if widths else None,
            lambda found: broken_fit(found, self._limits),
            must=all(trial.is_int8 for trial in self.trials),
            widths=dict(widths) or None,
        )

    def _made(self, widths: Mapping[str, int]) -> bytes:
        chosen = {
            layer.tensor: self._kernels[widths[layer.name]][layer.tensor]
            for layer in self._layers
            if widths[layer.name] < 8
        }
        return with_kernels(self._matrices, chosen)
