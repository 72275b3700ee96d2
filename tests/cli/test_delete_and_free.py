from __future__ import annotations

import json
import shutil

import pytest

from effq_core.base.settings import Home
from effq_core.store.database import Database
from effq_core.store.removal import free_unused
from effq_core.store.usage import tree_size


@pytest.fixture
def own_home(home: Home, tiny_run) -> Home:
    """A store whose artifacts are its own: ``tiny_home`` only links to those all tests share."""
    shutil.copytree(tiny_run.home.root, home.root, dirs_exist_ok=True)
    database = Database(home.database)
    free_unused(home, database)  # the shared store may hold what earlier code has made
    database.close()
    return home


def test_delete_frees_what_no_other_run_uses_where_that_is_asked_for(
    effq, own_home: Home, tiny_run
) -> None:
    run_id = tiny_run.run.id
    shared = tree_size(tiny_run.home.artifacts)
    before = tree_size(own_home.artifacts)
    asked = effq("delete", run_id, "--free", input="n\n")
    assert asked.exit_code != 0
    assert "and free" in asked.output
    assert tree_size(own_home.artifacts) == before
    done = effq("delete", run_id, "--free", "--yes", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["deleted"] == run_id
    assert told["freed_bytes"] >= before > 1_000_000
    assert tree_size(own_home.artifacts) == 0
    database = Database(own_home.database)
    assert database.list_runs() == []
    database.close()
    assert tree_size(tiny_run.home.artifacts) == shared


def test_delete_keeps_artifacts_where_it_is_not_asked_for(effq, own_home: Home, tiny_run) -> None:
    before = tree_size(own_home.artifacts)
    assert effq("delete", tiny_run.run.id, "--yes").exit_code == 0
    assert tree_size(own_home.artifacts) == before
