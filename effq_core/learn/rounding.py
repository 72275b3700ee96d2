"""What rounding to 8, 4 and 2 bits does to some layers of a run, by every rounding rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from effq_core.base import formatting as fmt
from effq_core.base.plain import Plain, Record
from effq_core.base.reporting import Reporter
from effq_core.experiment.rounding_rules import ROUNDING
from effq_core.quantize.low_bits import rounded_kernel
from effq_core.quantize.moments import Moments
from effq_core.quantize.output_error import output_error
from effq_core.tflite.naming import layer_name

BITS = (8, 4, 2)
NEAREST = "nearest"
LAYERS = 8  # spread over the depth of the network
_WEIGHTS = 300  # of a channel, at most
_SMALLEST = 256  # weights; a layer of fewer shows nothing
_NOTICEABLE = 0.005  # share of an output's variance; a smaller error hardly matters

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Rounded(Plain):
    """A layer's weights as integers."""

    bits: int
    rule: str  # name of the rounding rule
    error: float  # mean squared error of the layer's output, as a share of the output's variance
    moved: float  # share of all weights that are not at their nearest integer
    scale: float  # step between integers in the channel shown
    integers: tuple[int, ...]  # of the channel's weights


@dataclass(frozen=True, kw_only=True)
class RoundedLayer(Plain):
    """A layer, one of its output channels, and what becomes of them."""

    name: str
    inputs: int
    outputs: int
    channel: int  # the output channel shown: one whose error is typical
    weights: tuple[float, ...]  # of the channel, some of them where there are many
    rounded: tuple[Rounded, ...]

    @property
    def rules(self) -> dict[str, str]:
        """Titles of the rules that are kept and still there, nearest left out, by name."""
        kept = dict.fromkeys(each.rule for each in self.rounded)
        return {name: ROUNDING[name].title for name in kept if name in ROUNDING and name != NEAREST}

    def by(self, bits: int, rule: str) -> Rounded:
        """Returns it at so many bits under a rule; ``StopIteration`` if that is not kept."""
        return next(each for each in self.rounded if (each.bits, each.rule) == (bits, rule))


@dataclass(frozen=True, kw_only=True)
class RoundingRecord(Record):
    """What a run keeps of rounding, for teaching."""

    FILE = "rounding.json"
    WHAT = "What rounding did"

    images: int  # calibration photos the rules looked at
    layers: tuple[RoundedLayer, ...]


def round_layers(
    kernels: Mapping[str, tuple[_Floats, _Floats]],
    moments: Mapping[str, Moments],
    images: int,
    rules: Sequence[str],
    reporter: Reporter,
) -> RoundingRecord:
    """Rounds some layers by rules, nearest among them; raises Cancelled.

    Args:
        kernels: Float weights ``(outputs, inputs)`` and bias by the name of what a layer makes.
        moments: What enters the layers whose weights can have few bits, in the order they run.
        images: How many photos the moments are of.
    """
    names = [name for name in moments if name in kernels and kernels[name][0].size >= _SMALLEST]
    chosen = np.unique(np.linspace(0, len(names) - 1, min(LAYERS, len(names))).round())
    layers = []
    for done, place in enumerate(chosen.astype(int)):
        reporter.check_cancelled()
        reporter.progress(done, len(chosen), "layers")
        name = names[place]
        layers.append(_layer(layer_name(name), *kernels[name], moments[name], rules))
    return RoundingRecord(images=images, layers=tuple(layers))


def _layer(
    name: str, weights: _Floats, bias: _Floats, entering: Moments, rules: Sequence[str]
) -> RoundedLayer:
    plain = rounded_kernel(weights, bias, NEAREST, 4, None).weights - weights
    errors = ((plain @ entering.second) * plain).sum(axis=1)
    channel = int(np.argsort(errors)[len(errors) // 2])
    shown = np.unique(np.linspace(0, weights.shape[1] - 1, _WEIGHTS).round().astype(int))

    def rounded(bits: int, rule: str) -> Rounded:
        seen = entering if ROUNDING[rule].uses_photos else None
        found = rounded_kernel(weights, bias, rule, bits, seen)
        nearest = np.round(weights / found.scales[:, None])
        top = 2 ** (bits - 1)
        return Rounded(
            bits=bits,
            rule=rule,
            error=output_error(weights, entering, found.weights),
            moved=float(np.mean(found.values != np.clip(nearest, -top, top - 1))),
            scale=float(found.scales[channel]),
            integers=tuple(found.values[channel, shown].tolist()),
        )

    outputs, inputs = weights.shape
    return RoundedLayer(
        name=name,
        inputs=inputs,
        outputs=outputs,
        channel=channel,
        weights=tuple(float(f"{value:.6g}") for value in weights[channel, shown]),
        rounded=tuple(rounded(bits, rule) for bits in BITS for rule in rules),
    )


def rounding_lesson(layer: RoundedLayer, bits: int, rule: str) -> str:
    """Says what a rule saves of a layer's output at so many bits, against rounding to nearest."""
    plain, other = layer.by(bits, NEAREST), layer.by(bits, rule)
    title, lost = ROUNDING[rule].title, _percent(plain.error)
    if plain.error < _NOTICEABLE:
        return (
            f"With {bits} bits, rounding hardly matters: nearest loses {lost} of the output. "
            "The ranges of activations decide."
        )
    if other.error > 0.8 * plain.error:
        return (
            f"With {bits} bits, {title} does not help here: it loses {_percent(other.error)} of "
            f"the output, nearest {lost}."
        )
    rest = "Training has to repair the rest." if other.error > 0.1 else "Rounding decides."
    return (
        f"With {bits} bits, nearest loses {lost} of the output and {title} "
        f"{_percent(other.error)}. It leaves {_percent(other.moved)} of the weights off their "
        f"nearest level. {rest}"
    )


def _percent(share: float) -> str:
    return f"{fmt.plain(100 * share, 2)} %"
