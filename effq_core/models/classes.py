"""How a dataset's classes relate to a model's, decided without loading either."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from effq_core.models.card import Label
from effq_core.models.class_names import canonical, nearest, without_numbers
from effq_core.photos.index import as_wnid

_MOST_NAMED = 3  # classes a note names, first those probably meant as a label
_MOST_COMPARED = 10  # classes compared with all labels, which takes a while


class HeadUse(StrEnum):
    """What becomes of a model's head on a dataset."""

    WHOLE = "whole"  # the dataset's classes are the model's
    SUBSET = "subset"  # some of the model's classes: an answer outside counts as wrong
    NEW = "new"  # the dataset has classes of its own: a new head is trained on frozen features
    UNLABELLED = "unlabelled"  # agreement with float32 is measured, accuracy is not


@dataclass(frozen=True)
class ClassMatch:
    """How a dataset's labels are read."""

    use: HeadUse  # what becomes of the head
    class_map: tuple[int, ...] = ()  # the model's output for each label, where it keeps its head


def match_classes(
    labels: Sequence[Label], class_names: Sequence[str], wnids: Sequence[str | None]
) -> ClassMatch:
    """Finds a dataset's classes among a model's, by WordNet id, else by name.

    Names match without case, accents, separators and leading numbers, never ambiguously. One class
    that is not found makes the whole head new: see :func:`new_head_note`.
    """
    if not class_names:
        return ClassMatch(HeadUse.UNLABELLED)
    found = _find(labels, class_names, wnids)
    if -1 in found or len(set(found)) < len(found):
        return ClassMatch(HeadUse.NEW)
    use = HeadUse.WHOLE if len(found) == len(labels) else HeadUse.SUBSET
    return ClassMatch(use, tuple(found))


@dataclass(frozen=True)
class HeadNote:
    """What to say before a run about a model's head."""

    reason: str = ""  # which classes are not the model's; empty where it keeps its head
    near_miss: bool = False  # whether some classes are nearly the model's: keep its head?

    @property
    def text(self) -> str:
        """Sentences; empty where the model keeps its head."""
        if not self.reason:
            return ""
        keep = " To use the model's own head, give the classes the names of its labels."
        return f"A new head is trained in place of the model's own. {self.reason}" + (
            keep if self.near_miss else ""
        )


@lru_cache(maxsize=64)
def new_head_note(
    labels: tuple[Label, ...], class_names: tuple[str, ...], wnids: tuple[str | None, ...]
) -> HeadNote:
    """Says before a run which class makes a new head necessary; empty where the model's is used."""
    if match_classes(labels, class_names, wnids).use is not HeadUse.NEW:
        return HeadNote()
    found = _find(labels, class_names, wnids)
    times = Counter(found)
    missing = [
        (name, index)
        for name, index in zip(class_names, found, strict=True)
        if index == -1 or times[index] > 1
    ]
    reasons = [_reason(name, index, labels) for name, index in missing[:_MOST_COMPARED]]
    known, all_of_them = len(found) - len(missing), f"{len(found):,} classes"
    if not known and not any(near for _, near in reasons):
        return HeadNote(f"None of the {all_of_them} is one of its labels.")
    named = [text for text, _ in sorted(reasons, key=lambda reason: not reason[1])][:_MOST_NAMED]
    if len(missing) > len(named):
        named.append(f"{len(missing) - len(named):,} more not found")
    share = f"{known:,} of {all_of_them} are" if known else f"None of the {all_of_them} is"
    return HeadNote(f"{share} the model's; {'; '.join(named)}.", near_miss=True)


def _find(
    labels: Sequence[Label], class_names: Sequence[str], wnids: Sequence[str | None]
) -> list[int]:
    ids = [(label.wnid or as_wnid(label.name), i) for i, label in enumerate(labels)]
    by_wnid = {wnid: i for wnid, i in ids if wnid}
    plain = without_numbers([label.name for label in labels], in_order=True)
    names = [(label.name.casefold(), i) for i, label in enumerate(labels)]
    names_by_form = [(canonical(name), i) for i, name in enumerate(plain)]
    by_name, by_form = _places(names), _places(names_by_form)
    # A label with another id is another class, whatever its name.
    bare = {i for wnid, i in ids if not wnid}
    bare_by_name = _places(each for each in names if each[1] in bare)
    bare_by_form = _places(each for each in names_by_form if each[1] in bare)
    forms = map(canonical, without_numbers(class_names, in_order=False))
    found: list[int] = []
    for name, form, wnid in zip(class_names, forms, wnids, strict=True):
        if wnid in by_wnid:
            found.append(by_wnid[wnid])
        elif wnid:
            found.append(bare_by_name.get(name.casefold(), bare_by_form.get(form, -1)))
        else:
            found.append(by_name.get(name.casefold(), by_form.get(form, -1)))
    return found


def _places(names: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Returns where each name is; ImageNet has two cranes: a name that means two means none."""
    found: dict[str, int] = {}
    for name, i in names:
        found[name] = -1 if name in found else i
    return found


def _reason(name: str, index: int, labels: Sequence[Label]) -> tuple[str, bool]:
    if index != -1:
        return f"'{name}' is '{labels[index].name}', as another class is", True
    alike = [label.name for label in labels if canonical(label.name) == canonical(name)]
    if len(alike) > 1:
        return f"'{name}' is the name of {len(alike)} of its labels", True
    meant = nearest(name, (label.name for label in labels))
    missing = f"'{name}' is not one of its labels"
    return (missing, False) if meant is None else (f"{missing} — nearest: '{meant}'", True)
