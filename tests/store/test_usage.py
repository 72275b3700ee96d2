"""What each run uses, what nobody uses, and how much space all of it takes."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from effq_core.store.removal import free_unused
from effq_core.store.usage import tree_size, usage
from tests.store.shop import Shop, key


def test_each_run_knows_what_it_uses_and_what_is_only_its_own(
    shop: Shop, pair: tuple[str, str]
) -> None:
    found = shop.inventory()
    manifests = found.run_bytes(pair[0]) - 43_500
    assert 0 < manifests < 3_000  # the files themselves, and what describes them
    assert 3_500 < found.own_bytes(pair[0]) < 5_500
    assert found.users[key("pixels", 1)] == set(pair)
    assert found.unused == []


def test_a_malformed_manifest_names_no_inputs(shop: Shop) -> None:
    report = shop.artifact(key("report", 3))
    for inputs in ([], {"inputs": 3}, {"inputs": {"a": "b"}}, None):
        path = shop.store.path(*report) / "manifest.json"
        path.write_text(json.dumps({"inputs": inputs}))
        run = shop.run(results=report[1])
        assert shop.inventory().by_run[run] == {report}


def test_what_nobody_uses_is_counted_and_freed_with_leftovers(
    shop: Shop, pair: tuple[str, str]
) -> None:
    home = shop.home
    shop.artifact(key("convert", 8))
    scratch = home.scratch.joinpath(*key("finetune", 9))
    resumable = home.scratch.joinpath(*key("evaluate", 2))
    quarantined = home.artifacts / ".quarantine" / "convert-broken"
    unpacking = home.datasets / ".unpacking-old"
    fresh = home.datasets / ".unpacking-now"
    for folder in (scratch, resumable, quarantined, unpacking, fresh):
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(b"x" * 10_000)
    old = time.time() - 7200
    os.utime(unpacking, (old, old))
    counted = usage(home, shop.inventory())
    assert 33_000 < counted.unused < 35_000
    assert free_unused(home, shop.database) == counted.unused
    assert usage(home, shop.inventory()).unused == 0
    assert resumable.exists()
    assert fresh.exists()
    assert not (scratch.exists() or quarantined.exists() or unpacking.exists())
    assert len(shop.there()) == 5


def test_the_parts_add_up_to_the_store(shop: Shop, pair: tuple[str, str]) -> None:
    (shop.home.models).mkdir()
    (shop.home.models / "weights.h5").write_bytes(b"x" * 7_000)
    (shop.home.datasets / "mine").mkdir(parents=True)
    (shop.home.datasets / "mine" / "a.png").write_bytes(b"x" * 900)
    counted = usage(shop.home, shop.inventory())
    assert (counted.models, counted.datasets) == (7_000, 900)
    assert counted.total == tree_size(shop.home.root)
    assert counted.free == pytest.approx(shutil.disk_usage(shop.home.root).free, rel=0.05)


def test_links_are_not_followed_when_sizes_are_added_up(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"x" * 100)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "circle").symlink_to(tmp_path)
    assert 0 < tree_size(tmp_path / "b") < 200
    assert tree_size(tmp_path / "nothing") == 0
    assert tree_size(tmp_path / "a" / "file") == 100
