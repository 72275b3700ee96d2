"""What photos would be as a dataset, shown before anybody decides; values only."""

from collections.abc import Sequence
from dataclasses import dataclass

from effq_core.base import formatting as fmt
from effq_core.base.plain import Plain
from effq_core.photos.incoming.found import shown
from effq_core.photos.incoming.labels import LabelSource
from effq_core.photos.index import Skipped
from effq_core.photos.listing import Nested
from effq_core.photos.preview import ClassCount, Thumbnail, count_classes

SMALLEST_CLASS = 5  # photos for training, its held-out part and evaluation
FEWEST_PHOTOS = 20  # photos below which no run can calibrate and evaluate


@dataclass(frozen=True)
class Lookalike:
    """A photo that resembles another one."""

    name: str  # the photo
    like: str  # the one it resembles; this one stays where look-alikes are left out
    across: bool  # whether one is in the training and one in the evaluation split
    relabelled: bool  # whether they have different labels


@dataclass(frozen=True)
class Photo:
    """A photo that can be used."""

    name: str
    path: str  # of its content in the draft
    label: int | None  # position of its class; ``None`` where there are no labels
    split: str | None  # ``train``, ``val`` or ``None``
    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Preview(Plain):
    """What was found."""

    photos: tuple[Photo, ...]  # those that can be used, in the order of their names
    class_names: tuple[str, ...]  # in the order of the labels; empty where there are none
    labels_from: LabelSource
    skipped: tuple[Skipped, ...]
    litter: int  # system files left out without a word
    lookalikes: tuple[Lookalike, ...]  # photos that resemble an earlier one
    thumbnails: tuple[Thumbnail, ...]  # a few photos, of as many classes as there is room for
    notes: tuple[str, ...]
    nested: Nested | None = None  # folders that may be meant as classes, if any
    one_down: bool = False  # whether those are taken

    @property
    def bytes(self) -> int:
        """Size of all photos."""
        return sum(photo.bytes for photo in self.photos)

    @property
    def has_splits(self) -> bool:
        """Whether the photos come divided into training and evaluation."""
        return any(photo.split for photo in self.photos)

    @property
    def classes(self) -> tuple[ClassCount, ...]:
        """Photos of each class; empty where there are no labels."""
        places = [(photo.label, photo.split) for photo in self.photos]
        return count_classes(places, dict(enumerate(self.class_names)))

    @property
    def too_small(self) -> tuple[ClassCount, ...]:
        """Classes with too few photos to train on some and measure on others."""
        return tuple(
            each
            for each in self.classes
            if each.images < SMALLEST_CLASS
            or (self.has_splits and not (each.training and each.evaluation))
        )

    @property
    def across(self) -> tuple[Lookalike, ...]:
        """Look-alikes of which one is trained on and one measured on."""
        return tuple(each for each in self.lookalikes if each.across)

    def without_lookalikes(self) -> tuple[Photo, ...]:
        """Returns the photos that resemble no earlier one."""
        out = {each.name for each in self.lookalikes}
        return tuple(photo for photo in self.photos if photo.name not in out)


_SOURCES = {
    LabelSource.FOLDERS: "labels from folders",
    LabelSource.LIST: "labels from the list",
    LabelSource.NONE: "no labels: accuracy cannot be measured",
}
_MOST_NAMED = 3


def facts(preview: Preview) -> list[str]:
    """Says in a few words each what was found."""
    found = [fmt.counted(len(preview.photos), "photo")]
    if preview.class_names:
        found.append(fmt.counted(len(preview.class_names), "class", "classes"))
    found += [_SOURCES[preview.labels_from], fmt.size(preview.bytes)]
    if preview.class_names:
        found.append(
            "training and evaluation split" if preview.has_splits else "no splits: EffQ makes them"
        )
    if preview.skipped:
        found.append(f"{fmt.counted(len(preview.skipped), 'file')} left out")
    if preview.litter:
        found.append(f"{fmt.counted(preview.litter, 'system file')} ignored")
    return found


def warnings(preview: Preview) -> list[str]:
    """Says what may make results worse than they look, or a run impossible."""
    found = list(preview.notes)
    if preview.nested and (text := preview.nested.warning(one_down=preview.one_down)):
        found.append(text)
    if small := preview.too_small:
        named = fmt.some([f"{each.name} ({each.images})" for each in small], _MOST_NAMED)
        needs = f"fewer than {SMALLEST_CLASS} photos"
        if preview.has_splits:
            needs += ", or none in one of the splits"
        found.append(f"Too small to train on some photos and measure on others ({needs}): {named}.")
    if across := preview.across:
        found.append(
            f"{fmt.counted(len(across), 'training photo')} look like one in the evaluation split, "
            f"which makes accuracy look better than it is: {_pairs(across)}."
        )
    if rest := [each for each in preview.lookalikes if not each.across]:
        text = f"{fmt.counted(len(rest), 'photo')} look like another one: {_pairs(rest)}."
        if preview.class_names and not preview.has_splits:
            text += (
                " One may be trained on and the other measured on, which makes accuracy look"
                " better than it is."
            )
        found.append(text)
    if alike := [each for each in preview.lookalikes if each.relabelled]:
        found.append(f"Alike under different labels, so one label may be wrong: {_pairs(alike)}.")
    return found


def _pairs(alike: Sequence[Lookalike]) -> str:
    return fmt.some([f"{shown(each.name)} ({_other(each)})" for each in alike], _MOST_NAMED)


def _other(alike: Lookalike) -> str:
    """Names the photo another one resembles, without the folder where it is the same."""
    folder, _, last = alike.like.rpartition("/")
    return shown(last if folder == alike.name.rpartition("/")[0] else alike.like)
