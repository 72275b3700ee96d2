"""What advice says: a key and facts, and the one table of sentences they are written by."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.experiment.variants import get_variant

_AGAIN = (
    "“Time all files again” on the page Results, or `effq run --remeasure` with the same choices, "
    "times all of them together."
)
_SEPARATE = (
    "{variant:title} and {baseline:title} were timed separately: what slowed one may not have "
    "slowed the other. "
)
_DIFFERENCE = "({difference:points}, {p:p}, {n:photo})"

SENTENCES: dict[str, str] = {
    # What speaks against the numbers.
    "photos_failed": "A check of the photos failed ({gate.rule.title}): {gate.text}",
    "variant_failed": "{variant:title} failed a check ({gate.rule.title}): {gate.text}",
    "too_few": "{n:photo} are too few to exclude a difference of 1 point: the 95 % interval is "
    "{low:signed} to {high:points}.",
    "real_loss": "The loss of {lost:lost} against float32 is significant ({p:p}).",
    "separate": _SEPARATE + _AGAIN,
    "separate_reference": f"{_SEPARATE}A run of your own times them together.",
    "unsteady": "The speed-up was not steady: {low:ratio} to {high:ratio}, {rounds:round}. Time "
    "again on a quiet machine.",
    "steady": "The speed-up was steady: {low:ratio} to {high:ratio}, {rounds:round}.",
    "uneven": "The timing of {variant:title} was uneven: half its invocations took {median:ms} or "
    "less, one in ten {p90:ms} or more.",
    "busy": "Timed on a busy machine: {variants:title} (other programs used up to {share:whole} of "
    "the processor). Time again before comparing speeds.",
    "retime": "{busy} " + _AGAIN,
    # What is gained and lost.
    "trained": "The model as trained: nothing is gained and nothing is lost.",
    "gain": "{smaller:ratio} smaller than float32; {loss}.",
    "gain_faster": "{smaller:ratio} smaller and {times:ratio} faster than float32 on "
    "{threads:thread}; {loss}.",
    "gain_same": "{smaller:ratio} smaller than float32 and about as fast ({times:ratio}) on "
    "{threads:thread}; {loss}.",
    "gain_slower": "{smaller:ratio} smaller than float32 and {times:ratio} as fast on "
    "{threads:thread}; {loss}.",
    "agreement": "it gives float32's answer for {share:percent} of {n:photo} (no labels, so no "
    "accuracy)",
    "chance": f"the accuracy difference is consistent with chance {_DIFFERENCE}",
    "worse": f"it is significantly less accurate {_DIFFERENCE}",
    "better": f"it is significantly more accurate {_DIFFERENCE}",
    # Why a variant may not be taken.
    "your_file": "A file you added, measured beside EffQ's; not one that EffQ can recommend.",
    "control": "A control, never recommended: it shows {variant:shows}.",
    "failed": "It failed the check “{gate.rule.title}”: {gate.text}",
    "beyond": "{limits}.",
    "too_large": "too large ({size:kib}; the limit is {limit:kib})",
    "untimed": "not timed on {threads:thread}",
    "disturbed": "disturbed while it was timed, so the limit on latency cannot be judged",
    "too_slow": "too slow ({ms:ms} on {threads:thread}; the limit is {limit:ms})",
    "too_lossy": "loses too much accuracy ({lost:lost}{certain:worst}; the limit is {limit:lost})",
    "too_unlike": "differs from float32 too often ({lost:lost}{certain:worst}; the limit is "
    "{limit:lost})",
    "untold": "It may or may not be the fastest: time again to tell.",
    # Why another one is taken.
    "usable": "usable",
    "within": "within the limits",
    "beaten": "{fits}, but {why}.",
    "beaten_later": "{fits}, of equal {equal}, but {why}.",
    "tied": "{fits}, but this run cannot tell it from {best:title}, which is {easier}.",
    "slower": "slower than {best:title}: {ms:ms} against {best_ms:ms}",
    "larger": "larger than {best:title}: {size:kib} against {best_size:kib}",
    "less_alike": "it gives float32's answer less often: {share:percent} of {n:photo}",
    "less_accurate": "significantly less accurate than {best:title}: {difference:points}, {p:p}",
    "no_training": "made without any training",
    "no_calibration": "made without calibration photos",
    "simpler": "simpler to make",
    "nearest": "{variant:title} comes nearest: it needs {needs}.",
    "needs_size": "{size:kib}",
    "needs_ms": "{ms:ms}",
    "needs_drop": "{lost:lost} of top-1{certain:worst}",
    "needs_unlike": "{lost:lost} of other answers{certain:worst}",
    # A run in one sentence.
    "useless": "{gate.text}",
    "must_retime": "Time again before choosing a variant; sizes and accuracies still hold.",
    "none": "No variant can be recommended: none passed its checks and stays near float32.",
    "alone": "This run has {variant:title} only: there is nothing to compare it with.",
    "stay": "Stay with {variant:title}, the model as trained: no variant that passed its checks "
    "and stays near its accuracy is faster on {threads:thread}.",
    "recommended": "{variant:title} is {gain}",
}

_FORMATS: dict[str, Callable[[Any], str]] = {
    "": str,
    **{name: getattr(fmt, name) for name in ("kib", "percent", "points", "ratio")},
    **{noun: partial(fmt.counted, noun=noun) for noun in ("photo", "round", "thread")},
    "lost": lambda points: fmt.points(points).lstrip("+"),
    "ms": fmt.milliseconds,
    "p": fmt.p_value,
    "shows": lambda name: get_variant(name).explains,
    "signed": lambda points: fmt.points(points).removesuffix(" points"),
    "title": lambda name: get_variant(name).title,
    "whole": lambda share: fmt.percent(share, 0),
    "worst": lambda certain: " in the worst case of its 95 % interval" * certain,
}
"""How a fact is written, by what stands behind its name in a sentence."""


class _Writer(string.Formatter):
    """Writes facts by :data:`_FORMATS`, messages in their words, and several as a list."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, tuple):
            return fmt.listed([self.format_field(each, format_spec) for each in value])
        return value.clause if isinstance(value, Message) else _FORMATS[format_spec](value)


@dataclass(frozen=True)
class Message:
    """Something said about a run.

    Attributes:
        key: Of its sentence in :data:`SENTENCES`.
        facts: Numbers, names, gates and messages its sentence takes.
    """

    key: str
    facts: Mapping[str, Any]

    @property
    def clause(self) -> str:
        """Its words, as a part of a sentence."""
        return _Writer().format(SENTENCES[self.key], **self.facts)

    @property
    def text(self) -> str:
        """Its words, as a sentence."""
        return fmt.sentence(self.clause)


def say(key: str, **facts: Any) -> Message:
    """Makes a message."""
    return Message(key, facts)
