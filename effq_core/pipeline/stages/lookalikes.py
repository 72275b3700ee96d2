"""The stage that looks for photos of evaluation among those the model is made with."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from effq_core.base.reporting import Reporter
from effq_core.measure.gates.lookalikes import Comparison
from effq_core.photos.decode import Pixels, as_rgb
from effq_core.photos.lookalikes import MOST_COMPARED, SIDE, Miniatures, miniature, nearest_among
from effq_core.photos.pixels import read_pixels
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import IMAGES, stage
from effq_core.pipeline.stages.measure import write_json
from effq_core.store.stage_files import LOOKALIKES_FILE

_EVALUATION = "evaluation"
_EVERY = 64  # photos between two reports


@stage("lookalikes:lookalikes", title="Look for look-alikes among the samples", libraries=IMAGES)
def lookalikes(context: StageContext) -> dict[str, Any]:
    """Compares evaluation photos with those of every other sample. Inputs: samples, by role."""
    samples = {role: read_pixels(folder) for role, folder in sorted(context.inputs.items())}
    total = sum(min(len(pixels), MOST_COMPARED) for pixels, _ in samples.values())
    small: dict[str, Miniatures] = {}
    for role, (pixels, _) in samples.items():
        done = sum(map(len, small.values()))
        small[role] = _miniatures(pixels[:MOST_COMPARED], context, done, total)
    _, measured = samples.pop(_EVALUATION)
    found = []
    for role, (_, items) in samples.items():
        near = nearest_among(small[_EVALUATION], small[role])
        found.append(
            Comparison(
                role=role,
                alike=tuple(
                    (measured[row].key, items[alike[0]].key, round(alike[1], 3))
                    for row, alike in enumerate(near)
                    if alike is not None
                ),
                compared=len(near),
                evaluation=len(measured),
                among=len(small[role]),
                others=len(items),
            )
        )
    write_json(context.out / LOOKALIKES_FILE, [each.to_dict() for each in found])
    return {each.role: len(each.alike) for each in found}


def _miniatures(pixels: Pixels, reporter: Reporter, done: int, total: int) -> Miniatures:
    small = np.empty((len(pixels), SIDE, SIDE), np.uint8)
    for row, photo in enumerate(pixels):
        if row % _EVERY == 0:
            reporter.check_cancelled()
            reporter.progress(done + row, total)
        small[row] = miniature(Image.fromarray(as_rgb(photo)))
    return small
