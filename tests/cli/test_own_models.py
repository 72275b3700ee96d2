"""``effq models add``: how photos become squares, and what one output means."""

from __future__ import annotations

import json
from pathlib import Path

from effq_core.models.own.card import get_own
from effq_core.photos.image_input import ImageInput, Resize
from tests.models.scope_files import GREY_SIDE, brought, digits


def test_how_photos_become_squares_is_asked_and_kept(effq, home, tmp_path: Path) -> None:
    model, labels = tmp_path / "m.keras", tmp_path / "two.txt"
    brought(2, shape=(GREY_SIDE, GREY_SIDE, 1), body=digits, classes=1, activation="sigmoid").save(
        str(model)
    )
    labels.write_text("cold\nwarm\n")
    words = "models", "add", model, "--labels", labels, "--preprocessing", "inside"

    refused = effq(*words, "--resize", "pad")
    assert refused.exit_code != 0
    assert "Choose from: crop, stretch" in " ".join(refused.output.split())

    done = effq(*words, "--resize", "stretch", "--name", "Mine", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["resize"], told["channels"]) == ("stretch", 1)
    assert get_own("own:mine", home).image_input == ImageInput(GREY_SIDE, Resize.STRETCH, 1)
    (row,) = [row for row in json.loads(effq("models", "--json").stdout) if row["own"]]
    assert (row["image_size"], row["resize"], row["channels"]) == (GREY_SIDE, "stretch", 1)
    assert row["classes"] == 2
