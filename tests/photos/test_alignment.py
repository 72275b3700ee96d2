"""Pictures are laid over each other before they are compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from effq_core.photos.lookalikes import Maps
from effq_core.photos.lookalikes import aligned_correlation as of_levels

SIDE = 32


def aligned_correlation(a: Maps, b: Maps) -> np.ndarray:
    return of_levels([(a, b)])


def scene(seed: int) -> Image.Image:
    """A smooth random picture larger than what is cut from it."""
    coarse = np.random.default_rng(seed).uniform(-1, 1, (9, 9)).astype(np.float32)
    return Image.fromarray(coarse).resize((100, 100), Image.Resampling.BICUBIC)


def cut(picture: Image.Image, left: float, top: float, side: float) -> Maps:
    box = (left, top, left + side, top + side)
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box))[None]


@settings(deadline=None)
@given(
    st.integers(0, 9999),
    st.floats(0.95, 1.0),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0.3, 3),
    st.floats(-2, 2),
)
def test_a_crop_of_other_brightness_and_contrast_is_laid_over_its_source(
    seed: int, share: float, across: float, down: float, gain: float, offset: float
) -> None:
    whole = cut(scene(seed), 5, 5, 90)
    rest = 90 * (1 - share)
    part = cut(scene(seed), 5 + rest * across, 5 + rest * down, 90 * share) * gain + offset
    for a, b in ((whole, part), (part, whole)):
        (found,) = aligned_correlation(a, b.astype(np.float32))
        assert 0.95 < found <= 1 + 1e-4


def test_without_laying_over_a_crop_would_correlate_less() -> None:
    whole, corner = cut(scene(3), 5, 5, 90), cut(scene(3), 5, 5, 85.5)
    plain = np.corrcoef(whole.ravel(), corner.ravel())[0, 1]
    (found,) = aligned_correlation(whole, corner)
    assert found > 0.99 > plain


def test_pairs_are_judged_one_by_one() -> None:
    pictures = np.concatenate([cut(scene(seed), 5, 5, 90) for seed in range(6)])
    same = aligned_correlation(pictures, pictures)
    others = aligned_correlation(pictures, np.roll(pictures, 1, axis=0))
    assert same == pytest.approx(np.ones(6), abs=1e-4)
    assert others.max() < 0.85
    alone = aligned_correlation(pictures[2:3], pictures[1:2])
    assert alone == pytest.approx(others[2:3], abs=1e-3)


def test_a_blank_picture_correlates_with_nothing() -> None:
    blank = np.zeros((1, SIDE, SIDE), np.float32)
    picture = cut(scene(0), 5, 5, 90)
    for a, b in ((blank, blank), (blank, picture), (picture, blank + 7)):
        assert abs(aligned_correlation(a, b)[0]) < 1e-3


def test_a_texture_is_laid_over_by_what_is_blurred_first() -> None:
    """Stripes lie over each other in many places; what is coarse says which is right."""
    across = np.linspace(0, 1, SIDE, dtype=np.float32)
    stripes = np.tile(np.sin(across * 2 * np.pi * 9), (SIDE, 1)).astype(np.float32)
    blob = np.exp(-(((across - 0.5) / 0.2) ** 2)).astype(np.float32)
    coarse = np.outer(blob, blob)[None]
    moved = np.roll(coarse, 2, axis=2)
    sharp, sharp_moved = (coarse + stripes), (moved + np.roll(stripes, 2, axis=1))
    (alone,) = of_levels([(sharp, sharp_moved)])
    (found,) = of_levels([(coarse, moved), (sharp, sharp_moved)])
    assert found > 0.98 > alone
