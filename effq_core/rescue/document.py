"""The story as a document: Markdown for people, JSON for programs."""

import re
from typing import Any

from effq_core.base import formatting as fmt
from effq_core.rescue import wording
from effq_core.rescue.story import Story

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#])")
HEADS = ("Step", "State", "Top-1 (95 %)", "Loss against float32 (95 %)", "McNemar p", "Same answer",
         "KL, nats", "Size", "Latency", "Took")  # fmt: skip


def to_json(story: Story) -> dict[str, Any]:
    """Returns everything a story tells, with its verdict, as plain JSON values."""
    public = {k: v for k, v in story.to_dict().items() if k not in ("pid", "token")}
    return {**public, "verdict": wording.verdict(story)}


def to_markdown(story: Story) -> str:
    """Returns the story as a Markdown document: title, verdict and a table of the steps."""
    lines = [f"# Rescue of {_safe(story.subject or story.rescue.experiment.model)}", ""]
    lines += [f"{fmt.moment(story.created)} · limit: {wording.limit_text(story)} · seed "
              f"{story.rescue.experiment.seed}", ""]  # fmt: skip
    lines += [f"- {_safe(sentence)}" for sentence in wording.verdict(story)]
    lines += ["", f"| {' | '.join(HEADS)} |", f"|{'---|' * len(HEADS)}"]
    lines += [f"| {' | '.join(map(_safe, row))} |" for row in rows(story)]
    return "\n".join(lines) + "\n"


def rows(story: Story) -> list[list[str]]:
    """Returns the steps as texts, one row a step, in the order of :data:`HEADS`."""
    base = story.base.outcome if story.base else None
    made = []
    for step in story.steps:
        found = step.outcome
        cells = [wording.title_of(step), wording.state_title(step.state)]
        made.append(cells)
        if found is None:
            cells += [step.why or fmt.NOTHING, *[fmt.NOTHING] * 6, wording.cost_text(step)]
            continue
        size, latency = fmt.kib(found.size_bytes), fmt.NOTHING
        if found.latency_ms:
            threads = min(found.latency_ms, key=int)
            latency = f"{fmt.milliseconds(found.latency_ms[threads])} ({threads} thr.)"
            latency += "*" if found.disturbed else ""
        if base is not None and step.remedy is not None:
            size += f" ({_signed(wording.extra_size(found, base))} %)"
            timed = wording.extra_latency(found, base)
            latency += f", {timed[1].text} int8" if timed else ""
        cells += [
            fmt.share_with_interval(found.top1, found.low, found.high),
            wording.drop_text(found),
            fmt.p_number(found.p),
            fmt.percent(found.agreement),
            fmt.plain(found.kl),
            size,
            latency,
            wording.cost_text(step),
        ]
    return made


def _signed(value: float) -> str:
    return f"{'+' if value >= 0.05 else ''}{fmt.decimals(value, 1)}"


def _safe(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))
