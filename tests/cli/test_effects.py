"""Options without effect, names that do not exist, and what a run would take: before it is one."""

from __future__ import annotations

import json

import pytest

from effq_core.base import hardware
from effq_core.photos.photo_patches import PhotoPatches
from tests.cli.test_run import TINY_OPTIONS
from tests.models.own_cards import add_card

CORES = hardware.usable_cores()


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        ("run", ["--variant", "int8", "--epochs", 3], "--epochs: no effect"),
        ("run", ["--variant", "float16", "--calibration-size", 20], "--calibration-size: no"),
        (
            "run",
            ["--calibration-method", "min_max", "--percentile", 99],
            "--percentile: no effect",
        ),
        ("run", ["--preset", "paper", "--data", "photo_patches", "--model",
                 "efficientnetv2_b0_imagenette", "--percentile", 99], "--percentile: no effect"),
        ("run", ["--keep", "block1a", "--search-budget", 60], "--search-budget: no effect"),
        ("run", ["--keep", "block9z"], "Groups: residuals, depthwise, squeeze_excite"),
        ("run", ["--search-budget", 1], "The time to search for blocks to keep, in seconds, is 1."),
        ("run", ["--search-budget", 1], "Choose from 30 to 36000"),
        ("run", ["--threads", f"1,{CORES + 1}"], f"only {CORES} hardware thread"),
        ("sweep", ["--calibration-size", "20,50", "--batch-size", 8], "--batch-size: no effect"),
        ("sweep", ["--epochs", "1,2", "--percentile", 99], "--percentile: no effect"),
        ("sweep", ["--epochs", "1,2", "--threads", CORES + 1], "hardware thread"),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_refused_before_anything_is_made(
    effq, home, command, arguments, said
) -> None:
    answer = effq(command, *arguments)

    assert answer.exit_code == 2, answer.stdout
    assert said in answer.stderr
    assert not home.database.exists() and not home.engine.exists()


def test_options_about_int8_mixed_say_that_it_is_made(effq, home) -> None:
    answer = effq("run", "--variant", "int8", "--keep", "block1a,head", "--dry-run", "--json")

    assert "int8_mixed is made as well: --keep is about it." in answer.stderr
    assert "int8_mixed" in json.loads(answer.stdout)["experiment"]["variants"]
    asked = effq("run", "--variant", "int8_mixed", "--keep", "block1a", "--dry-run")
    assert "A new head is trained" in asked.stderr and "--keep" not in asked.stderr


def test_names_that_cannot_be_checked_yet_are_said_before_a_run(effq, home) -> None:
    labels = [[name, None] for name in PhotoPatches().class_names]
    options = "--variant", "int8_mixed", "--data", "photo_patches", "--keep", "conv", "--dry-run"
    said = "The names after --keep are checked once the float32 file is made."
    old = add_card(home, "old", labels=labels)  # as cards were before they held names
    answer = effq("run", "--model", old.id, *options)
    assert said in answer.stderr and answer.exit_code == 0, answer.stderr

    names = {"blocks": [["conv", ["conv"]]], "groups": []}
    new = add_card(home, "new", labels=labels, names=names)
    answer = effq("run", "--model", new.id, *options)
    assert answer.stderr == "" and answer.exit_code == 0
    assert "Did you mean conv?" in effq("run", "--model", new.id, *options, "--keep", "con").stderr


def test_a_dry_run_names_stages_time_and_disk_and_makes_nothing(effq, home) -> None:
    answer = effq("run", "--dry-run", "--detach", "--name", "x")

    assert answer.exit_code == 0, answer.stderr
    assert "--detach and --name have no effect with --dry-run." in answer.stderr
    assert "Fine-tune: int8 QAT" in answer.stdout and "to be made" in answer.stdout
    last = answer.stdout.splitlines()[-1]
    assert last.startswith("0 of 29 stages cached; about ") and "of disk" in last
    assert list(home.root.iterdir()) == [], "no index, no engine, no folder"
    assert effq("sweep", "--epochs", "1,2", "--dry-run", "--quiet").stdout
    assert list(home.root.iterdir()) == []


def test_a_dry_run_knows_what_is_cached(effq, tiny_home, tiny_run) -> None:
    before = sorted(path.name for path in tiny_home.runs.iterdir())
    plain = json.loads(effq("run", *TINY_OPTIONS, "--dry-run", "--json").stdout)

    assert plain["experiment"] == tiny_run.experiment.to_dict()
    cost = plain["forecast"]
    assert cost["cached"] == cost["stages"] == len(cost["parts"])
    assert (cost["seconds"], cost["bytes"]) == (0, 0)
    assert all(part["cached"] for part in cost["parts"])
    again = json.loads(effq("run", *TINY_OPTIONS, "--dry-run", "--json", "--remeasure").stdout)
    new = [part["name"] for part in again["forecast"]["parts"] if not part["cached"]]
    assert {name.partition(":")[0] for name in new} == {"benchmark", "report"}
    assert again["forecast"]["seconds"] > 0 and again["forecast"]["bytes"] > 0
    total = sum(part["bytes"] for part in again["forecast"]["parts"])
    assert again["forecast"]["bytes"] == total

    assert sorted(path.name for path in tiny_home.runs.iterdir()) == before
    assert len(json.loads(effq("runs", "--json").stdout)) == 1
    assert not (tiny_home.engine / "engine.lock").exists()


def test_a_dry_run_refuses_what_a_run_refuses(effq, home, tmp_path) -> None:
    assert effq("run", "--dry-run", "--data", tmp_path / "nowhere").exit_code == 2
    assert effq("run", "--dry-run", "--keep", "nothing").exit_code == 2


def test_quiet_beside_detach_is_named(effq, tiny_home) -> None:
    answer = effq("run", *TINY_OPTIONS, "--detach", "--quiet")
    assert "--quiet has no effect with --detach." in answer.stderr
    effq("cancel", answer.stdout.strip())
