"""What a preview says, in sentences, for pages and terminals alike."""

from collections.abc import Sequence

from effq_core.base import formatting as fmt
from effq_core.photos.incoming.found import shown
from effq_core.photos.incoming.labels import LabelSource
from effq_core.photos.incoming.preview import SMALLEST_CLASS, Lookalike, Preview

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
