"""Imported timings: kept by the file they are of, listed, bounded, deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from effq_core.base.errors import InputError, StoreError
from effq_core.base.settings import Home
from effq_core.devices import timings as device_timings
from effq_core.devices.timings import delete_timings, import_timings, list_timings, variant_of
from effq_core.results import Results, load_reference
from tests.deliver.bundle.documents import document, encoded
from tests.results.run_variations import only


@pytest.fixture(scope="module")
def reference() -> Results:
    return load_reference()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def files(home: Home) -> list[Path]:
    return sorted(path for path in home.root.rglob("*") if path.is_file())


def test_an_empty_store_has_none(reference: Results, home: Home) -> None:
    assert list_timings(home, reference) == {}
    assert not home.root.exists(), "looking makes nothing"


def test_what_is_imported_is_listed_by_variant_device_and_time(reference, home: Home) -> None:
    imported = [
        import_timings(home, reference, encoded(told), "t.json")
        for told in (
            document(reference, "int8_qat", "board"),
            document(reference, "int8", "Phone"),
            document(reference, "int8", "board", measured=1),
            document(reference, "int8", "board", measured=2),
        )
    ]
    qat, phone, older, newer = imported

    assert list_timings(home, reference) == {"int8": [newer, older, phone], "int8_qat": [qat]}
    assert list(list_timings(home, reference)) == ["int8", "int8_qat"]
    assert variant_of(reference, qat) == "int8_qat"


def test_another_run_with_the_same_file_sees_them_and_one_without_does_not(
    reference, home: Home
) -> None:
    report = import_timings(home, reference, encoded(document(reference)), "t.json")

    assert list_timings(home, only(reference, "float32", "int8")) == {"int8": [report]}
    other = only(reference, "float32", "float16")
    assert list_timings(home, other) == {}
    with pytest.raises(InputError, match=r"t\.json has timings of another file"):
        import_timings(home, other, encoded(document(reference)), "t.json")


def test_the_same_file_twice_is_one_report(reference, home: Home) -> None:
    first = import_timings(home, reference, encoded(document(reference)), "a.json")
    second = import_timings(home, reference, encoded(document(reference)), "b.json")

    assert first == second and len(files(home)) == 1


def test_a_refused_file_leaves_nothing(reference, home: Home) -> None:
    for content in (b"{}", encoded(document(reference, file={"sha256": "../../x"}))):
        with pytest.raises(InputError):
            import_timings(home, reference, content, "t.json")
    assert not home.root.exists()


def test_there_is_a_most_of_one_file(reference, home: Home, monkeypatch) -> None:
    monkeypatch.setattr(device_timings, "MOST_KEPT", 2)
    for number in (1, 2):
        told = encoded(document(reference, measured=number))
        import_timings(home, reference, told, "t.json")

    with pytest.raises(InputError, match="2 imported timings of this file already"):
        import_timings(home, reference, encoded(document(reference, measured=3)), "t.json")
    import_timings(home, reference, told, "t.json")  # known already: nothing is added
    import_timings(home, reference, encoded(document(reference, "float32")), "t.json")
    assert len(files(home)) == 3


def test_deleting_takes_one_and_only_by_its_id(reference, home: Home) -> None:
    first, second = (
        import_timings(home, reference, encoded(document(reference, measured=n)), "t.json")
        for n in (1, 2)
    )

    for wrong in ("0" * 16, "*", "../*", f"../{first.id}", "", first.id[:8]):
        with pytest.raises(InputError, match="no imported timings"):
            delete_timings(home, wrong)
    delete_timings(home, first.id)
    assert list_timings(home, reference) == {"int8": [second]}


def test_a_damaged_report_costs_only_itself(reference, home: Home) -> None:
    first, second = (
        import_timings(home, reference, encoded(document(reference, measured=n)), "t.json")
        for n in (1, 2)
    )
    [damaged] = [path for path in files(home) if path.stem == first.id]

    for content in (b"", b'{"id": 1}', b"[]", b'{"timings": [1]}', b'{"timings": 5}'):
        damaged.write_bytes(content)
        assert list_timings(home, reference) == {"int8": [second]}


def test_a_full_disk_is_a_store_error_and_leaves_no_half_file(
    reference, home: Home, monkeypatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("effq_core.base.files.os.fsync", full)
    with pytest.raises(StoreError, match="no space"):
        import_timings(home, reference, encoded(document(reference)), "t.json")
    assert files(home) == []
