"""Stages over photos: scanning a dataset and decoding its samples."""

import json
from typing import Any

import numpy as np
from PIL import Image

from effq_core.base.errors import DatasetError
from effq_core.base.reporting import Reporter
from effq_core.measure.gates.lookalikes import Comparison
from effq_core.photos.catalogue import open_dataset
from effq_core.photos.decode import Pixels, as_rgb
from effq_core.photos.image_input import ImageInput
from effq_core.photos.index import Index
from effq_core.photos.lookalikes import MOST_COMPARED, SIDE, Miniatures, miniature, nearest_among
from effq_core.photos.pixels import read_pixels, write_pixels
from effq_core.photos.sampling import Role, candidates, check_sizes
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.registry import IMAGES, stage
from effq_core.pipeline.stages.measure import write_json
from effq_core.store.manifest import INDEX_FILE, LOOKALIKES_FILE


@stage("data:index", title="List the photos", libraries=IMAGES)
def index(context: StageContext) -> dict[str, Any]:
    """Lists a dataset's images by content. Params: ``dataset``, ``state``."""
    dataset = open_dataset(context.params["dataset"], context.home)
    found = dataset.scan(context)
    if found.state != context.params["state"]:
        message = f"{dataset.id} has changed since this run was planned."
        raise DatasetError(message, "Start the run again.")
    content = json.dumps(found.to_dict(), ensure_ascii=False)
    (context.out / INDEX_FILE).write_text(content, encoding="utf-8")
    for entry in found.skipped:
        context.event("skipped", key=entry.key, reason=entry.reason)
    return {
        "title": dataset.title,
        "images": len(found.items),
        "skipped": len(found.skipped),
        "class_names": list(found.class_names),
        "licence": dataset.licence,
        "source": dataset.source,
    }


@stage("data:pixels", title="Decode photos", libraries=IMAGES)
def pixels(context: StageContext) -> dict[str, Any]:
    """Decodes one sample.

    Params: ``dataset``, ``role``, ``sizes``, ``seed``, ``image_size``; ``split_seed`` where the
    dataset is divided by another seed, ``whole`` where all of it is evaluated, ``resize`` and
    ``channels`` where photos are stretched or made grey.
    """
    params, file = context.params, context.inputs["index"] / INDEX_FILE
    found = Index.from_dict(json.loads(file.read_text(encoding="utf-8")))
    whole = params.get("whole", False)
    role = Role(params["role"])
    asked = [params["sizes"][each] for each in ("calibration", "training", "evaluation")]
    sizes = check_sizes(found, *asked, training_needed=role is Role.TRAINING, whole=whole)
    summary = write_pixels(
        open_dataset(params["dataset"], context.home),
        candidates(found, role, sizes, params["seed"], params.get("split_seed"), whole=whole),
        getattr(sizes, role),
        ImageInput.from_plain(params),
        context.out,
        context,
    )
    return {
        "role": role.value,
        "count": summary.count,
        "asked": summary.asked,
        "image_size": summary.size,
        "seed": params["seed"],
        "skipped": [[entry.key, entry.reason] for entry in summary.skipped],
    }


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
