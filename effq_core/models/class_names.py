"""When two names mean the same class, and which name was probably meant."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from effq_core.base.errors import ModelError
from effq_core.base.formatting import one_line
from effq_core.models.card import Label, label_set

_NUMBERED = re.compile(r"\s*(\d+)\s*(?:[.:,)\-]|[\s_])[\s_]*(?=[^\s_\d])")
_BETWEEN = re.compile(r"(?<=[^\s_\-])(?![\s_]+-\d)[\s_\-]+(?=[^\s_\-])|[\s_]+")
"""What separates words. A hyphen before or after all of them is a sign: ``-1``, ``A-``."""
_ALIKE = 0.8  # share of letters, in order, from which one may be meant by the other
_SHORT = 5  # letters below which that is chance, unless only one of them differs


def canonical(name: str) -> str:
    """Returns a name without case, the accents of Latin letters and the choice of separators."""
    kept: list[str] = []
    latin = False
    for letter in unicodedata.normalize("NFKD", name.casefold()):
        if unicodedata.combining(letter):
            if not latin:
                kept.append(letter)
            continue
        latin = unicodedata.name(letter, "").startswith("LATIN")
        kept.append(letter)
    return _BETWEEN.sub(" ", "".join(kept)).strip()


def without_numbers(names: Sequence[str], *, in_order: bool) -> list[str]:
    """Takes away the numbers tools write before names: ``0 cat``, ``001.Black_footed_Albatross``.

    Not where one has no number, or two would become one; ``in_order``: they must count from 0 or 1.
    """
    found = [_NUMBERED.match(name) for name in names]
    numbers = [int(match[1]) for match in found if match]
    if not names or len(numbers) < len(names):
        return list(names)
    first = numbers[0]
    counts_on = first in (0, 1) and numbers == list(range(first, first + len(numbers)))
    rest = [name[match.end() :] for name, match in zip(names, found, strict=True) if match]
    fits = counts_on if in_order else len(set(numbers)) == len(numbers)
    return rest if fits and len({canonical(name) for name in rest}) == len(rest) else list(names)


def nearest(name: str, among: Iterable[str]) -> str | None:
    """Returns the one of several names another was probably meant to be; ``None`` where none is."""
    form = canonical(name)
    by_form = {other: each for each in among if _may_mean(form, other := canonical(each))}
    close = get_close_matches(form, by_form, n=1, cutoff=_ALIKE)
    return by_form[close[0]] if close else None


def _may_mean(one: str, other: str) -> bool:
    is_long, begins = min(len(one), len(other)) >= _SHORT, one[:1] == other[:1]
    if is_long and begins:
        return True
    short, long = sorted((one, other), key=len)
    return (is_long or begins) and any(
        long[:i] == short[:i] and long[i + 1 :] in (short[i:], short[i + 1 :])
        for i in range(len(long))
    )


KNOWN_SETS = ("imagenet", "imagenette")  # labels EffQ has, in the usual order
_MOST = 50_000
_MOST_BYTES = 4 << 20
_LENGTH = 120


def parse_labels(text: str | bytes) -> tuple[Label, ...]:
    """Reads labels, one a line, in the order of the outputs, or by a name of :data:`KNOWN_SETS`.

    Raises ModelError if there are none, too many, a blank one among them, or two alike.
    """
    if len(text) > _MOST_BYTES:
        raise ModelError("The labels are larger than any list of classes.", "Give one a line.")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ModelError(
                "The file of labels is not UTF-8 text.", "Save it as UTF-8."
            ) from error
    if text.strip() in KNOWN_SETS:
        return label_set(text.strip())
    text = text.replace("\r\n", "\n").strip("\n")
    lines = [one_line(line)[:_LENGTH] for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise ModelError("There are no labels.", "Give one a line, in the order of the outputs.")
    if len(lines) > _MOST:
        raise ModelError(f"There are {len(lines):,} labels.", f"At most {_MOST:,} are taken.")
    blank = next((i for i, line in enumerate(lines, start=1) if not line), None)
    if blank is not None:
        raise ModelError(
            f"Line {blank} of the labels is blank.", "Every output needs a name; remove the line."
        )
    # Teachable Machine and others write each output's number before its name.
    return tuple(Label(line) for line in _told_apart(without_numbers(lines, in_order=True)))


def _told_apart(lines: list[str]) -> list[str]:
    """Refuses names that occur twice: photos could not be matched with them."""
    seen: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if line.casefold() in seen:
            raise ModelError(
                f"Lines {seen[line.casefold()]} and {number} of the labels are both {line[:40]!r}.",
                "Give every class a name of its own.",
            )
        seen[line.casefold()] = number
    return lines
