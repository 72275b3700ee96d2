"""A run's outcome in one sentence, what to keep in mind about it, and whether it is certain."""

from __future__ import annotations

from dataclasses import dataclass

from effq_core.advise.cautions import doubts
from effq_core.advise.reasons import SAME_SPEED, loss
from effq_core.advise.recommend import Limits, recommend
from effq_core.base import formatting as fmt
from effq_core.experiment.variants import BASELINE
from effq_core.measure.gates import answers_fit_labels
from effq_core.results.document import Results, VariantResult

USUAL_DROP_POINTS = 1.0
"""Percentage points of top-1 most people would give for a small fast file."""
USUAL_UNLIKE_PERCENT = 5.0
"""Without labels: the share of answers, in per cent, that may be unlike float32's."""


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What a run found, for somebody who reads nothing else.

    Attributes:
        sure: Whether nothing touches the numbers of the text: no failed check, no busy machine,
            no files timed separately, not too few photos.
        variant: The variant it recommends; ``None`` where none passed its checks, where timing has
            to be repeated, or where the float model itself has nothing to do with the labels.
        retime: Whether timing has to be repeated: it was disturbed.
    """

    text: str
    cautions: tuple[str, ...] = ()
    sure: bool = False
    variant: str | None = None
    retime: bool = False


def headline(results: Results, threads: int | None = None) -> Headline:
    """Says which variant a run recommends, and how far that can be believed.

    With no limit on size or latency, and the usual one on what may be lost; latency at the first
    thread count that was timed, where none is given.

    Raises:
        StoreError: If stored answers are missing.
    """
    failed = {gate.name: gate for gate in results.baseline.failed_gates}
    wrong = failed.get(answers_fit_labels.NAME)
    if wrong is not None:  # whatever a variant gains or loses against it means nothing
        return Headline(text=wrong.text)
    count = results.threads[0] if threads is None else threads
    # A small fast file that is wrong is no gain: what loses more than most people would accept is
    # not recommended by a sentence that nobody asked for.
    labelled = results.baseline.accuracy.top1 is not None
    drop = USUAL_DROP_POINTS if labelled else USUAL_UNLIKE_PERCENT
    found = recommend(results, Limits(threads=count, drop_points=drop))
    if found.chosen is None and found.retime:
        return Headline(
            text="Timing has to be repeated before a variant can be recommended. Sizes and "
            "accuracies hold.",
            cautions=found.cautions,
            retime=True,
        )
    if found.chosen is None:
        return Headline(
            text="No variant of this run passed its checks and stays near float32: none can be "
            "recommended."
        )
    variant = results.variants[found.chosen.name]
    return Headline(
        text=_text(results, variant, count),
        cautions=found.cautions,
        sure=not found.retime and not doubts(results, variant, count),
        variant=variant.name,
        retime=bool(found.retime),
    )


def _text(results: Results, variant: VariantResult, threads: int) -> str:
    on = f"on {fmt.counted(threads, 'thread')}"
    if variant.name == BASELINE:
        if len(results.variants) == 1:
            return f"This run has {variant.title} only: there is nothing to compare it with."
        return (
            f"{variant.title}, the model as trained, stays the one to take: no variant that passed "
            f"its checks and stays near its accuracy is faster {on}."
        )
    smaller = f"{variant.title} is {fmt.ratio(variant.compression)} smaller"
    ratio = results.speedup(variant.name, threads)
    if ratio is None or ratio.disturbed:
        gained = f"{smaller} than float32"
    elif abs(ratio.times - 1) <= SAME_SPEED:
        gained = f"{smaller} than float32 and about as fast ({ratio.text}) {on}"
    elif ratio.times > 1:
        gained = f"{smaller} and {ratio.text} faster than float32 {on}"
    else:
        gained = f"{smaller} than float32 and {ratio.text} as fast {on}"
    return f"{gained}, {loss(variant)}."
