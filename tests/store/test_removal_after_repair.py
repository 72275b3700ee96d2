"""What is freed after the index was rebuilt: nothing that a run it found might need."""

from __future__ import annotations

import pytest

from effq_core.base.errors import StoreError
from effq_core.store.removal import delete_runs, free_unused
from effq_core.store.rows import Status
from tests.store.shop import Shop, key


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
