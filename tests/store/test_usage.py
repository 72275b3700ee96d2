from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from effq_core.base.errors import InputError, StoreError
from effq_core.base.processes import process_token
from effq_core.base.settings import Home
from effq_core.experiment import Experiment
from effq_core.pipeline.progress import Progress
from effq_core.pipeline.registry import get_stage
from effq_core.pipeline.stage import Plan, StageSpec
from effq_core.store.artifacts import ArtifactStore
from effq_core.store.database import Database
from effq_core.store.removal import delete_runs, free_unused, plan_deletion
from effq_core.store.repair import rebuild
from effq_core.store.rows import StageRow, Status
from effq_core.store.usage import Key, take_inventory, tree_size, usage

SIZES = {"pixels": 40_000, "convert": 3_000, "evaluate": 500, "report": 200}


def key(kind: str, number: int) -> Key:
    return (kind, f"{number:064x}")


class Shop:
    """A store with runs that share some artifacts."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.database = Database(home.database)
        self.store = ArtifactStore(home)

    def artifact(self, made: Key, inputs: Iterable[Key] = ()) -> Key:
        named = {
            f"input{number}": {"stage": stage, "fingerprint": fingerprint}
            for number, (stage, fingerprint) in enumerate(inputs)
        }
        if not self.store.path(*made).exists():
            with self.store.create(*made, {"inputs": named}) as draft:
                (draft.path / "data").write_bytes(b"x" * SIZES[made[0]])
        return made

    def run(self, *keys: Key, status: Status = Status.FINISHED, **values: Any) -> str:
        run_id = self.database.create_run(Experiment())
        self.database.upsert_stages(
            [
                StageRow(run_id=run_id, name=f"{kind}:{place}", kind=kind, fingerprint=fingerprint)
                for place, (kind, fingerprint) in enumerate(keys)
            ]
        )
        self.database.set_status(run_id, status, **values)
        return run_id

    def planned(self, *keys: Key) -> str:
        """A run whose driver has just said what its stages make."""
        run_id = self.database.create_run(Experiment())
        names = {f"{made[0]}:{place}": made for place, made in enumerate(keys)}
        plan = Plan(
            StageSpec(name=name, stage=replace(get_stage("kept:gone"), kind=made[0]))
            for name, made in names.items()
        )
        progress = Progress(self.database, self.database.get_run(run_id), None)
        progress.plan(plan, {name: made[1] for name, made in names.items()}, set())
        return run_id

    def lose_index(self) -> None:
        self.database.close()
        self.home.database.write_bytes(b"no database" * 999)
        assert rebuild(self.home.database, self.store).moved is not None
        self.database = Database(self.home.database)

    def inventory(self) -> Any:
        return take_inventory(self.home, self.database)

    def there(self) -> set[Key]:
        return {(each.stage, each.fingerprint) for each in self.store.list_all()}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(Home(tmp_path / "home"))


@pytest.fixture
def pair(shop: Shop) -> tuple[str, str]:
    """Two runs: the pixels are shared, each has a file and an evaluation of its own."""
    pixels = shop.artifact(key("pixels", 1))
    runs = []
    for number in (2, 3):
        file = shop.artifact(key("convert", number))
        answers = shop.artifact(key("evaluate", number), [pixels, file])
        runs.append(shop.run(pixels, file, answers))
    return runs[0], runs[1]


def test_each_run_knows_what_it_uses_and_what_is_only_its_own(
    shop: Shop, pair: tuple[str, str]
) -> None:
    found = shop.inventory()
    manifests = found.run_bytes(pair[0]) - 43_500
    assert 0 < manifests < 3_000  # the files themselves, and what describes them
    assert 3_500 < found.own_bytes(pair[0]) < 5_500
    assert found.users[key("pixels", 1)] == set(pair)
    assert found.unused == []


def test_a_deletion_is_foretold_exactly(shop: Shop, pair: tuple[str, str]) -> None:
    plan = plan_deletion(shop.home, shop.inventory(), [pair[0]])
    assert plan.freed == (key("convert", 2), key("evaluate", 2))
    assert plan.shared == (key("pixels", 1),)
    assert plan.shared_with == (pair[1],)
    before = tree_size(shop.home.artifacts) + tree_size(shop.home.runs)
    freed = delete_runs(shop.home, shop.database, [pair[0]])
    assert freed == plan.freed_bytes
    assert before - tree_size(shop.home.artifacts) - tree_size(shop.home.runs) == freed
    assert shop.there() == {key("pixels", 1), key("convert", 3), key("evaluate", 3)}
    assert [run.id for run in shop.database.list_runs()] == [pair[1]]
    assert not (shop.home.runs / pair[0]).exists()


def test_what_two_runs_share_goes_with_both(shop: Shop, pair: tuple[str, str]) -> None:
    plan = plan_deletion(shop.home, shop.inventory(), pair)
    assert (len(plan.freed), plan.shared, plan.shared_with) == (5, (), ())
    delete_runs(shop.home, shop.database, pair)
    assert shop.there() == set()


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.INTERRUPTED])
def test_a_run_that_could_be_resumed_keeps_what_it_has(
    shop: Shop, pair: tuple[str, str], status: Status
) -> None:
    shop.run(key("pixels", 1), key("convert", 2), key("evaluate", 9), status=status)
    delete_runs(shop.home, shop.database, pair)
    assert shop.there() == {key("pixels", 1), key("convert", 2)}


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.INTERRUPTED])
def test_a_run_that_could_be_resumed_keeps_what_it_has_when_the_index_is_rebuilt(
    shop: Shop, status: Status
) -> None:
    pixels, file, stray = map(
        shop.artifact, (key("pixels", 1), key("convert", 2), key("pixels", 8))
    )
    checkpoint = shop.home.scratch.joinpath(*key("finetune", 3))
    checkpoint.mkdir(parents=True)
    run = shop.planned(pixels, file, key("finetune", 3))
    if status is not Status.INTERRUPTED:  # one whose driver is killed writes nothing any more
        shop.database.set_status(run, status)
    shop.lose_index()
    assert shop.database.get_run(run).status is status
    assert [stage.name for stage in shop.database.stages(run)] == [
        "pixels:0",
        "convert:1",
        "finetune:2",
    ]
    other = shop.run(pixels, file)
    delete_runs(shop.home, shop.database, [other])
    free_unused(shop.home, shop.database)
    assert shop.there() == {pixels, file}
    assert stray not in shop.there()
    assert checkpoint.exists()


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.INTERRUPTED])
def test_nothing_is_freed_that_a_run_whose_stages_were_lost_might_need(
    shop: Shop, status: Status
) -> None:
    pixels, file = map(shop.artifact, (key("pixels", 1), key("convert", 2)))
    old = shop.run(pixels, status=status)  # and no file beside the index: an older EffQ
    shop.lose_index()
    other = shop.run(pixels, file)
    for free in (
        lambda: free_unused(shop.home, shop.database),
        lambda: delete_runs(shop.home, shop.database, [other]),
    ):
        with pytest.raises(StoreError, match=f"the run {old} has made") as caught:
            free()
        assert "Resume or delete it first" in caught.value.hint
    assert shop.there() == {pixels, file}
    delete_runs(shop.home, shop.database, [old])
    delete_runs(shop.home, shop.database, [other])
    assert shop.there() == set()


def test_what_an_earlier_repair_has_left_without_stages_is_not_freed(shop: Shop) -> None:
    pixels = shop.artifact(key("pixels", 1))
    old = shop.run(pixels, status=Status.RUNNING)
    shop.lose_index()
    (shop.home.runs / old / "stages.json").unlink()
    with pytest.raises(StoreError, match=f"the run {old} has made"):
        free_unused(shop.home, shop.database)
    assert shop.there() == {pixels}


def test_a_manifest_that_cannot_be_read_frees_nothing(shop: Shop) -> None:
    pixels = shop.artifact(key("pixels", 1))
    report = shop.artifact(key("report", 3), [pixels])
    shop.run(results=report[1])
    manifest = shop.store.path(*report) / "manifest.json"
    manifest.unlink()
    manifest.symlink_to("x" * 300)
    with pytest.raises(StoreError, match=r"manifest\.json"):
        free_unused(shop.home, shop.database)
    assert shop.store.find(*pixels) is not None


def alive() -> dict[str, Any]:
    return {"driver_pid": os.getpid(), "driver_started": process_token(os.getpid())}


def test_an_active_run_is_not_deleted_and_nothing_else_either(
    shop: Shop, pair: tuple[str, str]
) -> None:
    busy = shop.run(key("pixels", 1), status=Status.RUNNING, **alive())
    with pytest.raises(InputError, match=f"The run {busy} is running") as caught:
        delete_runs(shop.home, shop.database, [pair[0], busy])
    assert caught.value.hint == "Cancel it first."
    assert len(shop.database.list_runs()) == 3
    assert len(shop.there()) == 5


def test_nothing_is_freed_while_a_run_has_not_said_what_it_needs(
    shop: Shop, pair: tuple[str, str]
) -> None:
    young = shop.run(status=Status.QUEUED, **alive())
    for free in (
        lambda: delete_runs(shop.home, shop.database, [pair[0]]),
        lambda: free_unused(shop.home, shop.database),
    ):
        with pytest.raises(StoreError, match=f"The run {young} has just started"):
            free()
    shop.database.set_status(young, Status.FAILED)
    assert delete_runs(shop.home, shop.database, [pair[0]]) > 3_500


def test_an_artifact_in_the_making_is_left_alone(shop: Shop, pair: tuple[str, str]) -> None:
    with shop.store.lock(*key("convert", 2)):
        delete_runs(shop.home, shop.database, [pair[0]])
    assert key("convert", 2) in shop.there()
    assert key("evaluate", 2) not in shop.there()
    free_unused(shop.home, shop.database)
    assert key("convert", 2) not in shop.there()


def test_a_run_that_comes_while_others_are_deleted_keeps_what_it_needs(
    shop: Shop, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted = shop.database.delete_run

    def delete_and_start(run_id: str) -> None:
        deleted(run_id)
        shop.run(key("convert", 2), status=Status.RUNNING, **alive())

    monkeypatch.setattr(shop.database, "delete_run", delete_and_start)
    delete_runs(shop.home, shop.database, [pair[0]])
    assert key("convert", 2) in shop.there()
    assert key("evaluate", 2) not in shop.there()


def test_a_recovered_run_keeps_everything_its_report_rests_on(shop: Shop) -> None:
    pixels = shop.artifact(key("pixels", 1))
    answers = shop.artifact(key("evaluate", 2), [pixels])
    report = shop.artifact(key("report", 3), [answers])
    stray = shop.artifact(key("convert", 4))
    recovered = shop.run(results=report[1])  # the index was rebuilt: no list of stages
    assert shop.inventory().by_run[recovered] == {pixels, answers, report}
    free_unused(shop.home, shop.database)
    assert shop.there() == {pixels, answers, report}
    assert stray not in shop.there()


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


def test_hostile_ids_are_refused_before_a_path_is_made_of_them(
    shop: Shop, pair: tuple[str, str]
) -> None:
    for hostile in ("../../etc", "", "x" * 500):
        with pytest.raises(InputError, match="is not the id of a run"):
            delete_runs(shop.home, shop.database, [hostile])
    with pytest.raises(InputError, match="There is no run"):
        delete_runs(shop.home, shop.database, ["20200101-000000-abcd"])
    assert len(shop.there()) == 5
