"""The stage that compares samples, on what decoding them would have left behind."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from effq_core.base.errors import Cancelled
from effq_core.base.settings import Home
from effq_core.photos.index import ImageItem, items_to_json
from effq_core.photos.pixels import ITEMS_FILE, PIXELS_FILE
from effq_core.pipeline.context import StageContext
from effq_core.pipeline.stages import data as stage
from effq_core.store.manifest import LOOKALIKES_FILE

SIDE = 64


class Silent:
    """A link nobody listens to."""

    cancelled = False

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        assert 0 <= done <= total

    def check_cancelled(self) -> None:
        if self.cancelled:
            raise Cancelled("The run was cancelled.")


def photo(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def copy(image: Image.Image) -> Image.Image:
    smaller = image.crop((2, 1, 63, 62)).resize((50, 50), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    ImageEnhance.Brightness(smaller).enhance(0.85).save(file, "JPEG", quality=60)
    return Image.open(io.BytesIO(file.getvalue())).resize((SIDE, SIDE))


class Samples:
    def __init__(self, root: Path) -> None:
        self.root, self.link = root, Silent()
        self.folders: dict[str, Path] = {}

    def add(self, role: str, photos: list[Image.Image]) -> None:
        folder = self.root / role
        folder.mkdir()
        np.save(folder / PIXELS_FILE, np.stack([np.asarray(each) for each in photos]))
        items = [ImageItem(f"{role}{n}.jpg", 0, None, f"{n:064x}") for n in range(len(photos))]
        (folder / ITEMS_FILE).write_text(json.dumps({"items": items_to_json(items)}))
        self.folders[role] = folder

    def compare(self) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        out = self.root / "out"
        out.mkdir()
        context = StageContext(
            params={},
            inputs=self.folders,
            summaries={},
            out=out,
            scratch=self.root / "scratch",
            home=Home(self.root),
            link=self.link,  # type: ignore[arg-type]
        )
        summary = stage.lookalikes(context)
        return summary, {e["role"]: e for e in json.loads((out / LOOKALIKES_FILE).read_text())}


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    found = Samples(tmp_path)
    evaluation = [photo(seed) for seed in range(30)]
    found.add("evaluation", evaluation)
    found.add("training", [*map(photo, range(100, 130)), *map(copy, evaluation[:20])])
    found.add("calibration", [*map(photo, range(200, 210)), copy(photo(100))])
    return found


def test_every_copy_is_counted_and_named_with_its_twin(samples: Samples) -> None:
    summary, found = samples.compare()
    assert summary == {"calibration": 0, "training": 20}
    training = found["training"]
    pairs = {(key, like) for key, like, _ in training["alike"]}
    assert pairs == {(f"evaluation{n}.jpg", f"training{30 + n}.jpg") for n in range(20)}
    assert all(0.9 <= value <= 1 for *_, value in training["alike"])
    counts = {name: training[name] for name in ("compared", "evaluation", "among", "others")}
    assert counts == {"compared": 30, "evaluation": 30, "among": 50, "others": 50}


def test_what_calibrates_and_what_trains_may_look_alike(samples: Samples) -> None:
    """The copy of a training photo among calibration's is nobody's fault: neither is measured."""
    _, found = samples.compare()
    assert set(found) == {"calibration", "training"}
    assert found["calibration"]["alike"] == []


def test_no_more_are_compared_than_there_is_time_for(
    samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "MOST_COMPARED", 25)
    summary, found = samples.compare()
    assert summary["training"] == 0  # its copies come later
    assert (found["training"]["among"], found["training"]["others"]) == (25, 50)
    assert (found["training"]["compared"], found["training"]["evaluation"]) == (25, 30)


def test_it_can_be_cancelled(samples: Samples) -> None:
    samples.link.cancelled = True
    with pytest.raises(Cancelled):
        samples.compare()
