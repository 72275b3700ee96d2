"""Photos become what a model takes: cropped or stretched, in colour or grey."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from effq_core.photos.decode import as_rgb, decode
from effq_core.photos.image_input import GREY, ImageInput, Resize

STRETCHED = ImageInput(20, Resize.STRETCH)


def halves(width: int, height: int) -> Image.Image:
    """Red on the left, blue on the right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = 255
    pixels[:, width // 2 :, 2] = 255
    return Image.fromarray(pixels)


def test_stretching_shows_all_of_a_photo_and_cropping_its_centre() -> None:
    image = halves(60, 20)
    image.paste((0, 255, 0), (0, 0, 12, 20))  # on the left, which a crop cuts off
    cropped, stretched = decode(image, ImageInput(20)), decode(image, STRETCHED)
    assert cropped.shape == stretched.shape == (20, 20, 3)
    assert not cropped[..., 1].any()
    assert (stretched[:, :3, 1] > 200).all()
    expected = image.resize((20, 20), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(stretched, np.asarray(expected))
    np.testing.assert_array_equal(decode(image, 20), cropped)


def test_grey_is_luma_as_pillow_has_it() -> None:
    entry = ImageInput(20, channels=GREY)
    for colour, luma in (((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29)):
        found = decode(Image.new("RGB", (33, 20), colour), entry)
        assert found.shape == (20, 20, 1)
        assert (found == luma).all()
    grey = np.random.default_rng(0).integers(0, 256, (20, 20), dtype=np.uint8)
    found = decode(Image.fromarray(grey), entry)
    np.testing.assert_array_equal(found[..., 0], grey)  # what is grey already stays as it is
    assert as_rgb(found).shape == (20, 20, 3)


def test_a_long_strip_is_not_stretched_into_gigabytes() -> None:
    assert decode(Image.new("RGB", (1_000_000, 1), "red"), STRETCHED).shape == (20, 20, 3)


def test_what_is_usual_is_not_written_so_that_older_fingerprints_stay() -> None:
    assert ImageInput(224).to_plain() == {"image_size": 224}
    for entry in (ImageInput(224), STRETCHED, ImageInput(28, channels=GREY)):
        assert ImageInput.from_plain(entry.to_plain()) == entry


@pytest.mark.parametrize("plain", [{"channels": 2}, {"resize": "pad"}])
def test_what_is_not_known_is_refused(plain: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"2 channels|pad"):
        ImageInput.from_plain({"image_size": 8, **plain})
