"""What a chart of the Learn page shows at its present settings, as one sentence."""

from collections.abc import Mapping, Sequence

from effq_core.base import formatting as fmt
from effq_core.experiment.calibration_methods import METHODS
from effq_core.learn.grids import KernelEffect
from effq_core.learn.ranges import RangeEffect

NOTICEABLE_DB = 1.0  # smaller differences are called none: a sixth of a bit


def scales_lesson(shared: KernelEffect, own: KernelEffect) -> str:
    """Says what per-channel scales are worth."""
    gain = own.typical - shared.typical
    numbers = f"{fmt.decibels(shared.typical)} → {fmt.decibels(own.typical)}"
    if gain < NOTICEABLE_DB:
        return f"One scale is as good here: the median channel's SQNR hardly changes ({numbers})."
    return (
        f"Per-channel scaling improves the median channel by {fmt.decibels(gain)} ({numbers}), "
        f"as much as about {fmt.plain(gain / 6.02, 2)} more bits."
    )


def calibration_lesson(courses: Mapping[str, Sequence[RangeEffect]]) -> str:
    """Says what more photos do to a typical photo, by each method's effects at rising numbers."""
    course = courses["min_max"]
    best, last = max(course, key=lambda each: each.typical), course[-1]
    others = {method: each[-1].typical for method, each in courses.items() if method != "min_max"}
    rival = max(others, key=others.__getitem__)
    if best.typical - last.typical < NOTICEABLE_DB:
        first = "More photos do not harm min-max here"
    else:
        first = (
            f"Min-max falls from {fmt.decibels(best.typical)} with "
            f"{fmt.counted(best.images, 'photo')} to {fmt.decibels(last.typical)} with "
            f"{fmt.count(last.images)}"
        )
    second = f"{METHODS[rival].title.lower()} has {fmt.decibels(others[rival])} there"
    if others[rival] - last.typical < NOTICEABLE_DB:
        second = f"no other method does better by {fmt.decibels(NOTICEABLE_DB)}"
    return f"{first}; {second}."
