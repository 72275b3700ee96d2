"""Many photos and what the variants answered: how often they agree, and a table of it all."""

from collections.abc import Sequence
from dataclasses import dataclass

from effq_core.base import formatting as fmt
from effq_core.base.csv_table import csv_text
from effq_core.base.intervals import Proportion, proportion
from effq_core.experiment.variants import BASELINE, get_variant
from effq_core.photos.uploads import Photo
from effq_core.predict.variant_answers import Answer, Guess
from effq_core.results import Row

THE_SAME, NOT_THE_SAME = "✓", "≠"  # marks of an answer that is float32's, and of one that is not

_UNDECIDED_POINTS = 15  # below this lead of float32's answer, rounding alone can well turn it


@dataclass(frozen=True, kw_only=True, eq=False)
class Answered:
    """A photo and what the same variants say about it, in the catalogue's order."""

    photo: Photo
    answers: tuple[Answer, ...]

    @property
    def differing(self) -> tuple[str, ...]:
        """The variants whose best class is not float32's."""
        return tuple(answer.variant for answer in self.answers if answer.agrees is False)

    @property
    def ms(self) -> float:
        """How long all variants took together, in milliseconds."""
        return sum(answer.ms for answer in self.answers)


def agreement(answered: Sequence[Answered]) -> dict[str, Proportion]:
    """Counts on how many photos each variant but float32 gives float32's class."""
    counts: dict[str, list[bool]] = {}
    for each in answered:
        for answer in each.answers:
            if answer.agrees is not None:
                counts.setdefault(answer.variant, []).append(answer.agrees)
    return {name: proportion(sum(agrees), len(agrees)) for name, agrees in counts.items()}


def sentence(answered: Answered) -> str:
    """Says in plain words whether quantizing changed the answer to a photo."""
    baseline = next(answer for answer in answered.answers if answer.variant == BASELINE)
    others = [answer for answer in answered.answers if answer.agrees is not None]
    expected = baseline.guesses[0]
    if not others:
        return f"float32 answers {expected.label}; there is no other variant to compare it with."
    differing = [answer for answer in others if not answer.agrees]
    if not differing:
        number = fmt.counted(len(answered.answers), "variant")
        return f"All {number} answer {expected.label}: quantizing does not change it."
    said = ", ".join(_differently(answer, expected) for answer in differing)
    text = f"{said} where float32 says {expected.label}."
    if len(baseline.guesses) > 1:
        margin = 100 * (expected.probability - baseline.guesses[1].probability)
        if margin < _UNDECIDED_POINTS:
            apart = fmt.points(margin).lstrip("+")
            text += f" float32 is undecided itself: its two best classes are only {apart} apart."
    return text


def _differently(answer: Answer, expected: Guess) -> str:
    title, best = get_variant(answer.variant).title, answer.guesses[0]
    # Integer outputs have few levels, so close classes often get the same one.
    ties = (guess for guess in answer.guesses if guess.probability == best.probability)
    if any(guess.index == expected.index for guess in ties):
        return f"{title} finds {best.label} and {expected.label} equally probable"
    return f"{title} answers {best.label}"


def verdict(answer: Answer) -> str:
    """Says in a few characters what a variant answered and whether float32 did, too."""
    mark = {None: "", True: f"{THE_SAME} ", False: f"{NOT_THE_SAME} "}[answer.agrees]
    best = answer.guesses[0]
    return f"{mark}{best.label} {fmt.percent(best.probability)}"


def answers_csv(answered: Sequence[Answered]) -> str:
    """Writes photos and answers as CSV, one row a photo; times in ms, confidences 0–1."""
    return csv_text(_row(each) for each in answered)


def _row(answered: Answered) -> Row:
    photo = answered.photo
    row: Row = {"photo": photo.name, "width_px": photo.width, "height_px": photo.height}
    for answer in answered.answers:
        best = answer.guesses[0]
        row[f"{answer.variant}_class"] = best.label
        row[f"{answer.variant}_confidence"] = round(best.probability, 6)
        row[f"{answer.variant}_ms"] = round(answer.ms, 3)
        if answer.agrees is not None:
            row[f"{answer.variant}_agrees"] = "yes" if answer.agrees else "no"
    return row
