"""Copies of a photo are found though no byte of them is the same; other photos are not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from effq_core.datasets.base import ImageItem
from effq_core.datasets.photo_patches import PhotoPatches
from effq_core.ingest.lookalikes import NEAR, difference_hash, nearest_among, nearest_earlier
from tests.ingest.ingest_helpers import encoded


@pytest.fixture(scope="module")
def crops() -> list[Image.Image]:
    patches = PhotoPatches()
    keys = [(key, label, split) for key, label, split in patches.listing() if key.endswith("07")]
    return [patches.open(ImageItem(*key, "x")).convert("RGB").resize((160, 160)) for key in keys]


def again(image: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(encoded(image, "JPEG", quality=quality)))


@pytest.mark.parametrize(
    "change",
    [
        lambda image: again(image, 40),
        lambda image: image.resize((80, 80), Image.Resampling.BICUBIC),
        lambda image: ImageEnhance.Brightness(image).enhance(1.1),
        lambda image: ImageEnhance.Contrast(image).enhance(0.8),
        lambda image: image.convert("P", palette=Image.Palette.ADAPTIVE).convert("RGB"),
    ],
    ids=["jpeg", "halved", "brighter", "flatter", "256 colours"],
)
def test_copies_are_within_a_few_bits(crops: list[Image.Image], change) -> None:
    apart = []
    for image in crops:
        a, b = difference_hash(image), difference_hash(change(image))
        if a is not None and b is not None:
            apart.append((a ^ b).bit_count())
    assert len(apart) > 20
    assert np.mean(np.array(apart) <= NEAR) > 0.8


def test_other_photos_differ_in_about_half_of_the_bits() -> None:
    rng = np.random.default_rng(0)
    noise = [
        Image.fromarray(rng.integers(0, 256, (8, 9, 3), dtype=np.uint8)).resize((90, 80))
        for _ in range(200)
    ]
    hashes = [difference_hash(image) for image in noise]
    assert nearest_earlier(hashes) == [None] * 200
    first = hashes[0]
    assert first is not None
    assert 28 < np.mean([(first ^ (other or 0)).bit_count() for other in hashes[1:]]) < 36


def test_the_hash_is_that_of_the_gradients_to_the_right() -> None:
    rising = np.tile(np.linspace(0, 255, 90).astype(np.uint8), (80, 1))
    rgb = Image.fromarray(np.dstack([rising] * 3))
    assert difference_hash(rgb) == 2**64 - 1
    assert difference_hash(rgb.transpose(Image.Transpose.FLIP_LEFT_RIGHT)) == 0


def test_a_blank_photo_is_compared_with_none() -> None:
    assert difference_hash(Image.new("RGB", (50, 50), (200, 200, 203))) is None
    assert nearest_earlier([None, None, 5, None]) == [None] * 4
    assert nearest_among([1], []) == [None]
    assert nearest_earlier([]) == []


def test_the_nearest_of_the_earlier_ones_is_named() -> None:
    hashes = [0b0, 0b111, None, 0b110, 0b0, 2**63]
    assert nearest_earlier(hashes) == [None, (0, 3), None, (1, 1), (0, 0), (0, 1)]
    assert nearest_among([0b1111, 2**64 - 1], [0, None, 0b1110]) == [(2, 1), None]


def test_thousands_are_compared_in_a_moment_and_across_blocks() -> None:
    rng = np.random.default_rng(1)
    values = [int(v) for v in rng.integers(0, 2**63, 3000, dtype=np.uint64)]
    found = nearest_earlier([*values, values[17] ^ 0b101])
    assert found[-1] == (17, 2)
    assert sum(each is not None for each in found) == 1
