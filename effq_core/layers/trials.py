"""Making one mixed file and measuring all that limits are set on (uses TensorFlow)."""

from pathlib import Path
from typing import Any

from effq_core.experiment.mixed import Mixed
from effq_core.experiment.variants import MIXED
from effq_core.layers.trial_files import Trials
from effq_core.layers.trial_record import TrialRecord
from effq_core.layers.trial_wording import broken_limits
from effq_core.measure.predictions import Predictions
from effq_core.quantize.calibration import Ranges
from effq_core.quantize.convert import quantize_mixed
from effq_core.tflite.network import Network, read_network


class Bench(Trials):
    """Tries sets of blocks on the evaluation photos, by ``ranges`` of tensors."""

    def __init__(
        self,
        *,
        float32: Path,
        ranges: Ranges,
        answers: Predictions,
        settings: Mixed,
        **measuring: Any,
    ) -> None:
        super().__init__(
            MIXED,
            float32=float32,
            answers=answers,
            budget_seconds=settings.budget_seconds,
            **measuring,
        )
        self._content, self._ranges = float32.read_bytes(), ranges
        self._labelled = answers.labels is not None
        self.settings, self.network = settings, read_network(self._content)

    def trial(self, keep: tuple[str, ...]) -> TrialRecord:
        """Measures the file that keeps these blocks and layers in floats; with none, int8 itself.

        Raises what :meth:`~effq_core.layers.trial_files.Trials.measured` does.
        """
        keep = in_graph_order(self.network, keep)
        return self.measured(
            "keep:" + ",".join(keep),
            (lambda: self._made(keep)) if keep else None,
            lambda found: broken_limits(found, self.settings, labelled=self._labelled),
            keep=keep,
            precision=self.settings.precision,
        )

    def _made(self, keep: tuple[str, ...]) -> bytes:
        floats = self.network.tensors_of(keep)
        return quantize_mixed(self._content, self._ranges, floats, self.settings.precision)


def in_graph_order(network: Network, names: tuple[str, ...]) -> tuple[str, ...]:
    """Orders blocks and layers as the graph does, each once."""
    places = {op.tensor: number for number, op in enumerate(network.ops)}
    return tuple(sorted(set(names), key=lambda name: (places[network.tensors_of([name])[0]], name)))
