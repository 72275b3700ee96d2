"""What PTQ loses, and what gives how much of it back: a run's own variants and controls."""

from collections.abc import Sequence
from dataclasses import dataclass

from effq_core.base import formatting as fmt
from effq_core.base.intervals import SIGNIFICANCE
from effq_core.experiment.variants import BASELINE, get_variant
from effq_core.measure.statistics import Comparison
from effq_core.results.document import Results
from effq_core.results.pairs import compare_pair

# The variants that take int8 apart, in the order the story is told.
LADDER = ("int8", "int8_qat_untrained", "int8_float_control", "int8_qat")


@dataclass(frozen=True)
class Question:
    """One step of the story: two variants that differ in one thing."""

    text: str  # what is asked
    why: str  # what the two differ in
    first: str
    second: str


QUESTIONS = (
    Question(
        "What does quantizing lose?",
        "The same weights, as floats and as integers.",
        BASELINE,
        "int8",
    ),
    Question(
        "What do other ranges alone give back?",
        "The same weights; ranges averaged over photos, as QAT starts with. No training.",
        "int8",
        "int8_qat_untrained",
    ),
    Question(
        "What does training add?",
        "The same graph and the same first ranges, before and after fine-tuning.",
        "int8_qat_untrained",
        "int8_qat",
    ),
    Question(
        "How much of that is quantization-awareness?",
        "The same photos and epochs, without fake-quant while training and with it.",
        "int8_float_control",
        "int8_qat",
    ),
)


@dataclass(frozen=True)
class Answer:
    """What a run says to a question."""

    question: Question
    # The second variant against the first; ``None`` where one of them is missing.
    comparison: Comparison | None
    missing: tuple[str, ...]  # variants the run lacks
    text: str  # the answer in plain words
    # Whether the difference is more than chance; ``None`` where nothing was tested.
    is_real: bool | None


@dataclass(frozen=True)
class Rung:
    """How a variant does against float32, for the chart."""

    variant: str
    # Difference of top-1 in percentage points; without labels, share of answers that are float32's,
    # in per cent.
    middle: float
    low: float  # lower end of its 95 % interval
    high: float  # upper end
    is_real: bool | None  # whether the difference is more than chance; ``None`` without labels


def answers(results: Results) -> tuple[Answer, ...]:
    """Answers every question a run has the variants for; of others it says what is missing."""
    return tuple(_answer(results, question) for question in QUESTIONS)


def rungs(results: Results) -> tuple[Rung, ...]:
    """Lists how each int8 variant of a run does against float32, in the order of the story."""
    return _rungs(results, LADDER)


def by_bits(results: Results) -> tuple[Rung, ...]:
    """Lists how each variant of 8 bits or fewer does against float32, from many bits to few."""
    rows = [get_variant(name) for name in results.variants]
    narrow = sorted((row for row in rows if row.is_integer), key=lambda row: -row.weight_bits)
    return _rungs(results, [row.name for row in narrow])


def _rungs(results: Results, names: Sequence[str]) -> tuple[Rung, ...]:
    return tuple(
        _rung(name, comparison)
        for name in names
        if name in results.variants
        and (comparison := results.variants[name].comparison) is not None
    )


def missing(results: Results) -> tuple[str, ...]:
    """Returns the variants a run lacks to answer everything."""
    return tuple(name for name in LADDER if name not in results.variants)


def _rung(name: str, comparison: Comparison) -> Rung:
    middle, low, high = comparison.difference_points, comparison.low_points, comparison.high_points
    if middle is None or low is None or high is None or comparison.p is None:
        share = comparison.agreement
        return Rung(name, 100 * share.share, 100 * share.low, 100 * share.high, None)
    return Rung(name, middle, low, high, comparison.p < SIGNIFICANCE)


def _answer(results: Results, question: Question) -> Answer:
    lacking = tuple(
        name for name in (question.first, question.second) if name not in results.variants
    )
    if lacking:
        titles = " and ".join(f"“{get_variant(name).title}”" for name in lacking)
        text = f"This run cannot tell: it lacks {titles}."
        return Answer(question, None, lacking, text, None)
    comparison = compare_pair(results, question.first, question.second).comparison
    p = comparison.p
    real = None if p is None else p < SIGNIFICANCE
    return Answer(question, comparison, (), describe(comparison), real)


def describe(comparison: Comparison) -> str:
    """Says what a comparison of two variants found, and no more than it found."""
    n = fmt.counted(comparison.n, "photo")
    points, p = comparison.difference_points, comparison.p
    if points is None or p is None:
        share = comparison.agreement
        text = fmt.share_with_interval(share.share, share.low, share.high)
        return f"The same answer on {text} of {n}. Without labels, accuracy is unknown."
    interval = fmt.points_interval(comparison.low_points, comparison.high_points)
    found = f"{fmt.points(points)} on {n} ({interval}; {fmt.p_value(p)})."
    if p < SIGNIFICANCE:
        return f"{found} Significant."
    if comparison.too_small_to_tell:
        return (  # a whole point: MARGIN_POINTS of the comparison
            f"{found} Consistent with chance, but so few photos cannot rule out a whole point."
        )
    return f"{found} Consistent with chance."
