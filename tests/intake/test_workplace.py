"""What a check leaves on the disk: little, and only as long as somebody may still keep it."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from effq_core.base.errors import ModelError
from effq_core.base.settings import Home
from effq_core.intake import sandbox, steps
from effq_core.intake.adding import Offer, check, discard
from effq_core.intake.keeping import keep
from effq_core.intake.sandbox import CHECKING, Bounds, Workplace
from effq_core.models.class_names import parse_labels
from effq_core.models.own.card import Preprocessing, own_folder
from effq_core.quantize.convert import convert
from effq_core.quantize.freeze import freeze
from tests.models.own_files import TINY_LABELS, classifier, pooled_colours

OFFER = Offer("net.tflite", parse_labels("\n".join(TINY_LABELS)), Preprocessing.INSIDE)
FULL = Bounds(keep_free=1 << 62)


@pytest.fixture(scope="module")
def tflite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ready")
    freeze(classifier(2, pooled_colours), folder / "frozen")
    (folder / "net.tflite").write_bytes(convert(folder / "frozen", "float32"))
    return folder / "net.tflite"


def places(home: Home) -> list[Path]:
    folder = own_folder(home) / CHECKING
    return [path for path in folder.iterdir() if path.is_dir()] if folder.exists() else []


def test_a_check_that_has_ended_well_leaves_only_what_can_be_kept(home: Home, tflite: Path) -> None:
    checked = check(home, tflite, OFFER)
    (place,) = places(home)
    assert [path.name for path in place.iterdir()] == [steps.OUT]
    keep(home, checked, "Net")
    assert places(home) == []


def test_what_nobody_can_keep_any_more_is_removed(home: Home, tflite: Path) -> None:
    checked = check(home, tflite, OFFER)
    assert len(places(home)) == 1
    del checked  # as a page does that was left
    gc.collect()
    assert places(home) == []


def test_a_thrown_away_check_leaves_nothing(home: Home, tflite: Path) -> None:
    checked = check(home, tflite, OFFER)
    discard(checked)
    discard(checked)
    assert places(home) == []


_KILLED = """
import os, sys
from pathlib import Path
from effq_core.intake.sandbox import Workplace
from effq_core.base.settings import Home
place = Workplace(Home(Path(sys.argv[1])))
(place.path / "in" / "upload").write_bytes(b"gigabytes")
os._exit(0)
"""


def test_the_next_check_removes_what_a_killed_process_has_left_and_nothing_else(home: Home) -> None:
    mine = Workplace(home)
    subprocess.run([sys.executable, "-c", _KILLED, str(home.root)], check=True)
    assert len(places(home)) == 2
    other = Workplace(home)
    assert sorted(places(home)) == sorted([mine.path, other.path])
    mine.close()
    other.close()
    assert places(home) == []


def test_a_file_that_would_fill_the_disk_is_not_stored(home: Home, tflite: Path) -> None:
    with pytest.raises(ModelError, match="of the disk are left") as refused:
        check(home, tflite, OFFER, bounds=FULL)
    assert "Free some space" in refused.value.hint
    assert places(home) == []


def test_a_check_that_fills_the_disk_is_stopped(home: Home, tflite: Path) -> None:
    place = Workplace(home)
    (place.path / steps.IN / steps.UPLOAD_FILE).write_bytes(tflite.read_bytes())
    request = {
        "labels": [[name, None] for name in TINY_LABELS],
        "preprocessing": "inside",
        "image_size": None,
        "address_space": FULL.address_space,
        "cpu_seconds": 60,
    }
    (place.path / steps.IN / steps.REQUEST_FILE).write_text(json.dumps(request))
    with pytest.raises(ModelError, match="of the disk are left"):
        sandbox.run(place.path, replace(FULL, seconds=20), lambda found: None)
    assert steps.read_report(place.path / steps.OUT) is None
    place.close()
