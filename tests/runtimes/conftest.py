"""The small files that measuring is tested with."""

from tests.measure.conftest import damage, half_delegated, images, models

__all__ = ["damage", "half_delegated", "images", "models"]
