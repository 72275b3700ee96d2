"""``effq datasets add`` and ``remove``."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from effq_core.base.settings import Home
from effq_core.experiment import Calibration, Experiment
from effq_core.photos.own_photos import own_photos
from effq_core.pipeline.fitting import fit
from effq_core.pipeline.presets import demo
from tests.photos.incoming.ingest_helpers import encoded, left_behind, photo, zipped

PHOTOS = [(f"set/{c}/{n}.png", photo(n)) for n, c in enumerate(["cat", "dog", "owl"] * 40)]


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    path = tmp_path / "pets.zip"
    path.write_bytes(zipped([*PHOTOS, ("set/cat/bad.jpg", b"x"), ("set/.DS_Store", b"x")]))
    return path


def test_a_zip_is_added_listed_and_removed(effq, home: Home, pets: Path) -> None:
    done = effq("datasets", "add", pets, "--name", "My pets", "--yes")
    assert done.exit_code == 0, done.output
    assert "120 photos · 3 classes · labels from folders" in done.stdout
    assert "`effq run --data photos:my-pets` uses them" in done.stdout
    assert "left out: set/cat/bad.jpg: is not an image of a known format" in done.stderr
    listed = json.loads(effq("datasets", "--json").stdout)
    (card,) = [card for card in listed if card["id"] == "photos:my-pets"]
    assert (card["title"], card["classes"], card["origin"]) == ("My pets", 3, "own")
    again = effq("datasets", "add", pets, "--name", "My pets", "--yes")
    assert again.exit_code == 2
    assert "called my-pets already" in again.stderr
    assert effq("datasets", "remove", "photos:my-pets", input="n\n").exit_code == 130
    assert effq("datasets", "remove", "photos:my-pets", "--yes").exit_code == 0
    assert own_photos(home) == ()
    gone = effq("datasets", "remove", "photos:my-pets", "--yes")
    assert (gone.exit_code, "There are no photos" in gone.stderr) == (2, True)


def test_looking_alone_adds_nothing(effq, home: Home, pets: Path) -> None:
    done = effq("datasets", "add", pets, "--dry-run", "--json")
    seen = json.loads(done.stdout)
    assert (seen["photos"], seen["litter"], seen["labels_from"]) == (120, 1, "folders")
    assert [each["images"] for each in seen["classes"]] == [40, 40, 40]
    assert effq("datasets", "add", pets, input="n\n").exit_code == 130
    assert own_photos(home) == ()
    assert left_behind(home.datasets) == []


def test_a_folder_with_a_list_is_added(effq, home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "loose"
    folder.mkdir()
    for n in range(8):
        (folder / f"{n}.png").write_bytes(photo(n))
    rows = "\n".join(f"{n}.png;{'even' if n % 2 == 0 else 'odd'}" for n in range(7))
    (tmp_path / "list.csv").write_text(f"{rows}\ngone.png;odd\n")
    done = effq("datasets", "add", folder, "--labels", tmp_path / "list.csv", "--json")
    assert done.exit_code == 0, done.output
    seen = json.loads(done.stdout)
    assert (seen["id"], seen["added"], seen["labels_from"]) == ("photos:loose", 7, "list")
    assert seen["notes"][0] == "1 line of the list name no photo here: gone.png."
    assert seen["skipped"] == [{"key": "7.png", "reason": "has no label in the list"}]


NESTED = ["animals/cat", "animals/dog", "vehicles/bus"]
UPPER = "The upper folders are taken as classes: animals, vehicles."


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    for row, name in enumerate(NESTED):
        (tmp_path / "set" / name).mkdir(parents=True)
        for n in range(16):
            (tmp_path / "set" / name / f"{n}.png").write_bytes(photo(100 * row + n))
    return tmp_path / "set"


def test_classes_one_level_down_are_offered_and_taken(effq, home: Home, nested: Path) -> None:
    done = effq("datasets", "add", nested, "--dry-run")
    assert UPPER in done.stderr
    assert "--one-level-down takes those as classes." in done.stderr
    seen = json.loads(effq("datasets", "add", nested, "--dry-run", "--json").stdout)
    assert (seen["nested"]["below"], seen["one_level_down"]) == (["bus", "cat", "dog"], False)
    done = effq("datasets", "add", nested, "--one-level-down", "--yes")
    assert done.exit_code == 0, done.output
    assert "48 photos · 3 classes" in done.stdout
    assert "--one-level-down" not in done.stderr
    (added,) = own_photos(home)
    assert list(added.classes.values()) == ["bus", "cat", "dog"]


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_a_run_says_which_folders_are_classes_before_it_starts(
    effq, home: Home, nested: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("work", "sweep_work"):
        monkeypatch.setattr(f"effq_core.cli.{module}.carry_on", lambda *given, **options: None)
    options = ("--calibration-size", "10,20") if command == "sweep" else ("--variant", "int8")
    upper = effq(command, "--data", nested, *options)
    assert upper.exit_code == 0, upper.output
    assert f"{UPPER} Their photos lie one level down: bus, cat, dog." in upper.stderr
    assert "--one-level-down takes those as classes." in upper.stderr
    assert "None of the 2 classes is one of its labels" in upper.stderr
    lower = effq(command, "--data", nested, "--one-level-down", *options)
    assert lower.exit_code == 0, lower.output
    assert UPPER not in lower.stderr
    assert "None of the 3 classes is one of its labels" in lower.stderr


@pytest.mark.parametrize("name", ["photos:../../etc", "photos:none", "imagenet21k"])
def test_removing_what_is_not_there_is_wrong_input(effq, home: Home, name: str) -> None:
    assert effq("datasets", "remove", name, "--yes").exit_code == 2


def test_what_cannot_be_read_is_wrong_input(effq, home: Home, tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_text("no zip")
    for source in (tmp_path / "no.zip", tmp_path / "gone.zip"):
        done = effq("datasets", "add", source, "--yes")
        assert done.exit_code == 2
        assert done.stderr
    assert left_behind(home.root) == []


def test_sizes_nobody_chose_fit_few_photos(effq, home: Home, pets: Path) -> None:
    effq("datasets", "add", pets, "--yes", "--quiet")
    # 120 photos: 36 to measure on, and of the other 84 a quarter, in tens, to calibrate with.
    few = fit(Experiment(dataset="photos:pets", calibration=Calibration(size=500)), home)
    assert few.calibration.size == 20
    assert (few.training_size, few.evaluation_size) == (None, None)
    asked = fit(Experiment(dataset="photos:pets", training_size=60, evaluation_size=30), home)
    assert (asked.training_size, asked.evaluation_size) == (60, 30)
    assert fit(demo(), home) == demo()


def test_few_photos_of_ones_own_become_a_model_that_knows_them(
    effq, home: Home, tmp_path: Path
) -> None:
    """The way of the README from end to end; the input is small, for time."""
    colours = {"red thing": (200, 40, 40), "blue thing": (40, 60, 200), "green": (40, 180, 60)}
    entries = [
        (f"set/{name}/{n}.jpg", _tinted(seed=100 * row + n, colour=colour))
        for row, (name, colour) in enumerate(colours.items())
        for n in range(14)
    ]
    path = tmp_path / "things.zip"
    path.write_bytes(zipped(entries))
    assert effq("datasets", "add", path, "--yes", "--quiet").exit_code == 0
    run = effq("run", "--data", "photos:things", "--variant", "int8", "--image-size", 64, "--json")
    assert run.exit_code == 0, run.stderr
    assert "Few photos: 10 are used for calibration instead of 100" in run.stderr
    results = json.loads(run.stdout)["results"]
    said = "A new head is trained in place of the model's own. None of the 3 classes is"
    assert run.stderr.index(said) < run.stderr.index("Run "), "before anything runs"
    assert any(said in text for text in results["warnings"])
    head = results["model"]["head"]
    assert results["head_use"] == "new"
    assert (head["classes"], head["trained_on"] + head["validated_on"]) == (3, 20)
    assert head["low"] <= head["right"] / head["validated_on"] <= head["high"]
    assert head["method"].startswith("multinomial logistic regression")
    assert results["variants"]["int8"]["accuracy"]["top1"]["share"] > 0.5
    shown = " ".join(effq("show", "latest").stdout.split())
    assert "a logistic regression of 16 photos of 3 classes" in shown
    assert "right on 4 held-out photos" in shown

    target = tmp_path / "out"
    assert effq("export", "latest", "--to", target).exit_code == 0
    assert (target / "int8.tflite").stat().st_size > 1_000_000
    new = tmp_path / "new.jpg"
    new.write_bytes(_tinted(seed=999, colour=colours["blue thing"]))
    answer = json.loads(effq("predict", new, "--variant", "int8", "--top", 1, "--json").stdout)
    assert answer[0]["answers"][0]["guesses"][0]["label"] == "blue thing"


def _tinted(seed: int, colour: tuple[int, int, int]) -> bytes:
    noise = Image.open(io.BytesIO(photo(seed, size=(96, 96)))).convert("RGB")
    return encoded(Image.blend(noise, Image.new("RGB", noise.size, colour), 0.7), "JPEG")
