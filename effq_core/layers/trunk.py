"""Which of a model's tensors everything goes through."""

from __future__ import annotations

from collections.abc import Iterable

from effq_core.tflite.network import Op


def trunk_of(ops: Iterable[Op]) -> tuple[str, ...]:
    """Finds the tensors no path from the photo to the answer goes around.

    A branch that is added to something larger, or a gate of squeeze-and-excite, may be noisy and
    matter little; what is lost on the trunk is lost to all that follows.
    """
    ordered = sorted(ops, key=lambda op: op.index)
    last_use = {source: place for place, op in enumerate(ordered) for source in op.sources}
    found, reach = [], -1
    for place, op in enumerate(ordered):
        # Of what was made earlier, and of the photo, nothing is read any more after this operator.
        reach = max([reach, *(last_use[source] for source in op.sources)])
        if reach <= place:
            found.append(op.tensor)
        reach = max(reach, last_use.get(op.tensor, place))
    return tuple(found)
