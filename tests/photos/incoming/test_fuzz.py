"""Whatever comes: a result or a message, within seconds, and nothing left behind.

benchmarks/fuzz_ingest.py does the same for as long as one likes.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from effq_core.base.errors import DatasetError
from effq_core.base.settings import Home
from effq_core.photos.incoming.archive import unpack
from effq_core.photos.incoming.found import FoundFile
from effq_core.photos.incoming.limits import VISITORS
from effq_core.photos.incoming.look import look_at
from effq_core.photos.incoming.upload import look_at_files
from effq_core.photos.own_photos import own_photos
from tests.photos.incoming.fuzzing import hostile_image, hostile_zip
from tests.photos.incoming.ingest_helpers import SMALL, Quiet, left_behind

CHANCE = st.randoms(use_true_random=False)
SECONDS = 5

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::Warning:PIL")


@given(chance=CHANCE)
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_image_is_seen_or_named_within_seconds(chance: random.Random) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        content = hostile_image(chance)
        (folder / "0").write_bytes(content)
        started = time.process_time()
        seen, picture = look_at(
            FoundFile("x.jpg", "0", len(content)), folder, VISITORS, thumbnail=True
        )
        assert time.process_time() - started < SECONDS
        assert bool(seen.problem) != bool(seen.sha256)
        assert bool(picture) == bool(seen.sha256)
        assert [path.name for path in folder.iterdir()] == ["0"]


@given(chance=CHANCE)
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_zip_is_unpacked_or_refused_within_seconds(chance: random.Random) -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        given_file, into = top / "given", top / "deep" / "into"
        given_file.write_bytes(hostile_zip(chance))
        into.mkdir(parents=True)
        started = time.process_time()
        try:
            found = unpack(given_file, into, SMALL, Quiet())
        except DatasetError as error:
            assert error.message
        else:
            assert {path.name for path in into.iterdir()} == {file.path for file in found.files}
            assert len({file.name for file in found.files}) == len(found.files)
        assert time.process_time() - started < SECONDS
        outside = {path.name for path in (*top.iterdir(), *(top / "deep").iterdir())}
        assert outside == {"given", "deep", "into"}
        assert all(path.name.isdecimal() and path.is_file() for path in into.iterdir())


@given(chance=CHANCE, files=st.booleans())
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_upload_ends_as_a_dataset_or_as_nothing(chance: random.Random, files: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Home(Path(name) / "home")
        if files:
            given_files = [(f"{n}.png", hostile_image(chance)) for n in range(30)]
        else:
            given_files = [("set.zip", hostile_zip(chance))]
        try:
            found = look_at_files(home, given_files)
            added = found.add(home, "Fuzz")
        except DatasetError:
            assert own_photos(home) == ()
        else:
            assert [each.id for each in own_photos(home)] == [added.id]
        assert left_behind(home.root) == []
        assert {path.name for path in Path(name).iterdir()} <= {"home"}
