"""Labels people give with a model: a file of lines, typed lines, or the name of a known set."""

from effq_core.base.errors import ModelError
from effq_core.base.formatting import one_line
from effq_core.models.card import Label, label_set
from effq_core.models.class_names import without_numbers

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
