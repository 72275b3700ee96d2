"""A run's outcome in one sentence, what to keep in mind about it, and whether it is certain."""

from __future__ import annotations

from dataclasses import dataclass

from effq_core.advise.cautions import doubts
from effq_core.advise.message import Message, say
from effq_core.advise.recommend import Limits, recommend
from effq_core.measure.gates import answers_fit_labels
from effq_core.results.document import Results

USUAL_DROP_POINTS = 1.0  # percentage points of top-1 most people would give for a small fast file
USUAL_UNLIKE_PERCENT = 5.0
"""Without labels: the share of answers, in per cent, that may be unlike float32's."""


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What a run found, for somebody who reads nothing else."""

    message: Message
    cautions: tuple[Message, ...] = ()
    # Whether nothing touches the numbers of the text: no failed check, no busy machine, no files
    # timed separately, not too few photos.
    sure: bool = False
    # The variant it recommends; ``None`` where none passed its checks, where timing has to be
    # repeated, or where the float model itself has nothing to do with the labels.
    variant: str | None = None
    retime: bool = False  # whether timing has to be repeated: it was disturbed

    @property
    def text(self) -> str:
        """The outcome in words."""
        return self.message.text


def headline(results: Results, threads: int | None = None) -> Headline:
    """Says which variant a run recommends within the usual loss, and whether that is certain."""
    failed = {gate.name: gate for gate in results.baseline.failed_gates}
    wrong = failed.get(answers_fit_labels.NAME)
    if wrong is not None:  # whatever a variant gains or loses against it means nothing
        return Headline(message=say("useless", gate=wrong))
    count = results.threads[0] if threads is None else threads
    # A small fast file that is wrong is no gain: what loses more than most people would accept is
    # not recommended by a sentence that nobody asked for.
    labelled = results.baseline.accuracy.top1 is not None
    drop = USUAL_DROP_POINTS if labelled else USUAL_UNLIKE_PERCENT
    found = recommend(results, Limits(threads=count, drop_points=drop))
    retime = found.retime is not None
    if found.chosen is None:
        key = "must_retime" if retime else "none"
        return Headline(message=say(key), cautions=found.cautions, retime=retime)
    name, facts = found.chosen.name, {"variant": found.chosen.name}
    if len(results.variants) == 1:
        message = say("alone", **facts)
    elif name == results.baseline.name:
        message = say("stay", threads=count, **facts)
    else:
        message = say("recommended", gain=found.chosen.reason, **facts)
    return Headline(
        message=message,
        cautions=found.cautions,
        sure=not retime and not doubts(results, results.variants[name], count),
        variant=name,
        retime=retime,
    )
