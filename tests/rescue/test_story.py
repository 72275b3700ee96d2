"""The stories a store keeps: which is the latest one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from effq_core.base.settings import Home
from effq_core.rescue.story import Story, find, save, stories
from tests.rescue.rescue_stories import story


def test_of_two_of_one_second_the_later_is_the_latest_whatever_their_ids(tmp_path: Path) -> None:
    home = Home(tmp_path)

    def begun(suffix: str, created: float) -> Story:
        made = replace(story(), id=f"20260101-000000-{suffix}", created=created)
        save(home, made)
        return made

    first, second = begun("ffff", 1767225600.1), begun("0000", 1767225600.9)
    assert [each.id for each in stories(home)] == [second.id, first.id]
    assert find(home, "latest").id == second.id
