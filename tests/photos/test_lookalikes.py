"""Copies of a photo are found though no byte of them is the same; other photos are not."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from effq_core.photos import lookalikes
from effq_core.photos.decode import decode
from effq_core.photos.index import ImageItem
from effq_core.photos.lookalikes import SIDE, Miniatures, miniature, nearest_among, nearest_earlier
from effq_core.photos.photo_patches import PhotoPatches, sample_photos

TILE = 96


@pytest.fixture(scope="module")
def tiles() -> list[Image.Image]:
    """Regions of real photos that show something, without a pixel in common."""
    found = []
    for sample in sample_photos():
        photo = Image.open(sample.path).convert("RGB")
        for left in range(0, photo.width - TILE + 1, photo.width // 4):
            for top in range(0, photo.height - TILE + 1, photo.height // 3):
                found.append(photo.crop((left, top, left + TILE, top + TILE)))
    return [tile for tile in found if miniature(tile).std() > 20]


def recompressed(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue()))


def cropped(image: Image.Image, across: float, down: float) -> Image.Image:
    width, height = round(image.width * 0.95), round(image.height * 0.95)
    left, top = round((image.width - width) * across), round((image.height - height) * down)
    return image.crop((left, top, left + width, top + height))


def resized(image: Image.Image, scale: float) -> Image.Image:
    size = (round(image.width * scale), round(image.height * scale))
    return image.resize(size, Image.Resampling.BICUBIC)


def seen(images: list[Image.Image]) -> Miniatures:
    return np.stack([miniature(image) for image in images])


CHANGES = st.one_of(
    st.integers(30, 95).map(lambda quality: lambda image: recompressed(image, quality)),
    st.floats(0.4, 2.5).map(lambda scale: lambda image: resized(image, scale)),
    st.tuples(st.floats(0, 1), st.floats(0, 1)).map(
        lambda where: lambda image: cropped(image, *where)
    ),
    st.floats(0.7, 1.3).map(
        lambda factor: lambda image: ImageEnhance.Brightness(image).enhance(factor)
    ),
)


@settings(deadline=None, max_examples=40)
@given(CHANGES)
def test_a_copy_under_any_change_is_found(
    tiles: list[Image.Image], change: Callable[[Image.Image], Image.Image]
) -> None:
    found = nearest_among(seen([change(tile) for tile in tiles]), seen(tiles))
    right = [alike is not None and alike[0] == n for n, alike in enumerate(found)]
    assert np.mean(right) >= 0.95
    assert all(alike is None or alike[0] == n for n, alike in enumerate(found))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10), st.randoms(use_true_random=False))
def test_two_crops_of_disjoint_regions_are_not_alike(which: int, rng) -> None:
    photo = Image.open(sample_photos()[which].path).convert("RGB")
    half, sides = photo.width // 2, [rng.randint(80, photo.width // 2) for _ in range(2)]
    boxes: list[tuple[int, int, int, int]] = []
    for start, side in zip((0, half), sides, strict=True):
        side = min(side, photo.height)
        left, top = start + rng.randint(0, half - side), rng.randint(0, photo.height - side)
        boxes.append((left, top, left + side, top + side))
    assert nearest_earlier(seen([photo.crop(box) for box in boxes])) == [None, None]


def test_the_built_in_photos_evaluate_on_no_look_alike_of_a_training_crop() -> None:
    patches = PhotoPatches()

    def crops(split: str) -> Miniatures:
        keys = [each for each in patches.listing() if each[2] == split]
        opened = [patches.open(ImageItem(*each, "x")) for each in keys]
        return seen([Image.fromarray(decode(image, 224)) for image in opened])

    assert nearest_among(crops("val"), crops("train")) == [None] * 1100


def test_photos_of_different_things_before_a_like_background_are_not_alike() -> None:
    def framed(draw: Callable[[ImageDraw.ImageDraw], None]) -> Image.Image:
        """A letterbox with a thing in it: most of its pixels are those of any other."""
        image = Image.new("RGB", (160, 160), "white")
        pen = ImageDraw.Draw(image)
        pen.rectangle((0, 35, 160, 125), fill=(60, 60, 70))
        draw(pen)
        return image

    things = [
        framed(lambda pen: pen.ellipse((50, 50, 110, 110), fill=(200, 30, 30))),
        framed(lambda pen: pen.rectangle((20, 50, 60, 110), fill=(200, 200, 30))),
        framed(lambda pen: pen.polygon([(90, 45), (150, 115), (70, 110)], fill=(30, 200, 200))),
    ]
    assert nearest_earlier(seen(things)) == [None] * 3


def test_a_burst_is_alike_only_where_the_frame_hardly_moves(tiles: list[Image.Image]) -> None:
    photo = Image.open(sample_photos()[0].path).convert("RGB")
    frames = [photo.crop((x, 40, x + 300, 340)) for x in (100, 106, 200)]
    first, still, panned = nearest_earlier(seen(frames))
    assert first is None and still is not None and still[0] == 0
    assert panned is None


def test_a_preview_and_a_run_see_nearly_the_same(tiles: list[Image.Image]) -> None:
    wide = [tile.resize((200, 140)) for tile in tiles]
    run = np.stack([miniature(Image.fromarray(decode(image, 224))) for image in wide])
    found = nearest_among(run, seen(wide))
    right = [alike is not None and alike[0] == n for n, alike in enumerate(found)]
    assert np.mean(right) > 0.98


def test_a_blank_photo_is_compared_with_none() -> None:
    grey = Image.new("RGB", (50, 50), (200, 200, 203))
    slope = Image.fromarray(np.tile(np.linspace(90, 140, 64).astype(np.uint8), (64, 1)))
    photos = seen([grey, grey, slope.convert("RGB"), slope.convert("RGB")])
    assert nearest_earlier(photos) == [None] * 4
    assert nearest_among(photos, photos) == [None] * 4


def test_no_photo_and_no_other_photo_are_no_error(tiles: list[Image.Image]) -> None:
    none = np.empty((0, SIDE, SIDE), np.uint8)
    assert nearest_earlier(none) == [] and nearest_among(none, seen(tiles)) == []
    assert nearest_among(seen(tiles[:2]), none) == [None, None]


def test_the_best_of_several_is_named_and_never_a_later_one(tiles: list[Image.Image]) -> None:
    a, b = tiles[0], tiles[20]
    worse = recompressed(cropped(a, 1, 1), 40)
    found = nearest_earlier(seen([worse, a, b, recompressed(a, 90), resized(b, 2)]))
    assert [alike and alike[0] for alike in found] == [None, 0, None, 1, 2]
    assert found[3] is not None and found[1] is not None
    assert found[3][1] > found[1][1] >= lookalikes.ALIKE


def test_thousands_are_compared_across_blocks(
    tiles: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookalikes, "_AT_ONCE", 7)
    copies = [recompressed(tile, 60) for tile in tiles]
    found = nearest_earlier(seen([*tiles, *copies]))
    assert found[: len(tiles)] == [None] * len(tiles)
    assert [alike and alike[0] for alike in found[len(tiles) :]] == list(range(len(tiles)))


def test_where_all_are_alike_each_has_an_earlier_one(tiles: list[Image.Image]) -> None:
    found = nearest_earlier(np.repeat(seen(tiles[:1]), 1200, axis=0))
    assert found[0] is None and all(alike is not None for alike in found[1:])
