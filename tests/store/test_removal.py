"""Deleting runs and freeing frees what was foretold, and nothing a run may still need."""

from __future__ import annotations

import pytest

from effq_core.base.errors import InputError, StoreError
from effq_core.store.removal import delete_runs, free_unused, plan_deletion
from effq_core.store.rows import Status
from effq_core.store.usage import tree_size
from tests.store.shop import Shop, alive, key


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


def test_hostile_ids_are_refused_before_a_path_is_made_of_them(
    shop: Shop, pair: tuple[str, str]
) -> None:
    for hostile in ("../../etc", "", "x" * 500):
        with pytest.raises(InputError, match="is not the id of a run"):
            delete_runs(shop.home, shop.database, [hostile])
    with pytest.raises(InputError, match="There is no run"):
        delete_runs(shop.home, shop.database, ["20200101-000000-abcd"])
    assert len(shop.there()) == 5
