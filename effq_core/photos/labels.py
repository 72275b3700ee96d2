"""Names for people of ImageNet's classes, which folders name by their WordNet ids."""

import csv
import re
from functools import cache
from pathlib import Path

from effq_core.base.errors import StoreError
from effq_core.base.settings import ASSETS

LABELS_FILE = ASSETS / "imagenet_labels.csv"
_WNID = re.compile(r"n\d{8}")


def as_wnid(name: str) -> str | None:
    """Returns a folder's name if it is a WordNet id (``n`` and eight digits), else ``None``."""
    return name if _WNID.fullmatch(name) else None


@cache
def wordnet_names(path: Path = LABELS_FILE) -> dict[str, str]:
    """Reads the names of ImageNet-1k's classes, by WordNet id, or raises StoreError."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return {row["wnid"]: row["name"] for row in csv.DictReader(file)}
    except (OSError, KeyError) as error:
        raise StoreError(
            f"The bundled labels {path} cannot be read ({error}).", "Install EffQ Studio again."
        ) from error
