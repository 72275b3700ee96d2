"""Model files through the real checking process: refused, or kept and what they answer then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.base.settings import Home
from effq_core.intake.adding import Offer, check
from effq_core.intake.keeping import keep
from effq_core.intake.sandbox import Bounds
from effq_core.models.build import open_own
from effq_core.models.class_names import parse_labels
from effq_core.models.own.card import OwnCard, Preprocessing, own_folder
from effq_core.models.own.ready import ReadyFile
from effq_core.quantize.convert import convert
from effq_core.quantize.freeze import freeze
from effq_core.runtimes.model import Model
from tests.models.own_files import TINY_LABELS

OFFER = Offer("m.keras", parse_labels("\n".join(TINY_LABELS)), Preprocessing.INSIDE)


def left_behind(home: Home) -> list[Path]:
    checking = own_folder(home) / ".checking"
    return [path for path in checking.iterdir() if path.is_dir()] if checking.exists() else []


def refused(home: Home, path: Path, offer: Offer = OFFER, bounds: Bounds | None = None) -> str:
    """Checks a bad file; returns why it was refused, after making sure that nothing is left."""
    with pytest.raises(ModelError) as error:
        check(home, path, offer, bounds=bounds)
    assert error.value.hint
    assert left_behind(home) == []
    return error.value.message


def kept(home: Home, model: Any, offer: Offer = OFFER, name: str = "m.keras") -> OwnCard:
    path = home.root.parent / name
    model.save(str(path))
    card = keep(home, check(home, path, offer), "Mine")
    assert isinstance(card, OwnCard)
    return card


def kept_file(home: Home, path: Path, offer: Offer) -> ReadyFile:
    card = keep(home, check(home, path, replace(offer, name=path.name)), "Theirs")
    assert isinstance(card, ReadyFile)
    return card


def answers(card: OwnCard, pixels: np.ndarray) -> np.ndarray:
    """What the model answers as it is kept, and the same from its float32 .tflite."""
    model = open_own(card)
    folder = card.folder.parent.parent
    freeze(model, folder / "frozen")
    path = folder / "m.tflite"
    path.write_bytes(convert(folder / "frozen", "float32"))
    lite = Model(path)
    assert (lite.channels, lite.classes) == (card.channels, len(card.class_labels))
    return np.stack([lite.predict(image) for image in pixels])
