"""Cards of models of one's own, as `effq models add` writes them, without a check."""

from __future__ import annotations

from typing import Any

from effq_core.base.settings import Home
from effq_core.models.own.card import GRAPH_FILE, OwnCard, get_own, own_folder, write_card

CARD: dict[str, Any] = {
    "title": "Pets",
    "labels": [["cat", None], ["dog", "n123"]],
    "preprocessing": "zero_one",
    "image_size": 48,
    "parameters": 1234,
    "file_name": "m.keras",
    "file_sha256": "0" * 64,
    "file_bytes": 10,
    "file_format": "Keras 3.1 (.keras)",
    "qat_problems": [],
    "head_problem": "",
    "int8_problem": "",
    "notes": [],
    "added": 1.0,
}
"""All an old card says; newer ones say more."""


def add_card(home: Home, slug: str = "pets", **fields: Any) -> OwnCard:
    """Adds a model that is kept as a graph, which nobody can run."""
    folder = own_folder(home) / slug
    folder.mkdir(parents=True)
    (folder / GRAPH_FILE).write_bytes(b"graph")
    write_card(folder, {**CARD, "title": slug.title(), **fields})
    return get_own(f"own:{slug}", home)
