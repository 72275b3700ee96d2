"""Bundles to take to a device, and timings brought back from it, on the results page."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from effq_core.base.settings import Home
from effq_core.devices.timings import import_timings, list_timings
from effq_core.results import REFERENCE, Results, load_reference
from tests.app.conftest import OpenView, words
from tests.app.results_page import charts
from tests.deliver.bundle.documents import disturbed, document, encoded, older
from tests.results.run_variations import store_run


def opened(open_view: OpenView, home: Home, name: str, run: str = REFERENCE) -> AppTest:
    app = open_view(home.root, "results", run).segmented_control(key="part").set_value(name).run()
    assert not app.exception
    return app


def give(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    [uploader] = app.file_uploader
    uploader.set_value([(name, content, "application/json") for name, content in files]).run()
    assert not app.exception
    return app


def test_each_variant_with_a_file_has_a_bundle(open_view: OpenView, home: Home) -> None:
    app = opened(open_view, home, "Numbers and files")

    labels = [button.label for button in app.get("download_button")]
    bundles = [label.partition(" ")[0] for label in labels if ".zip" in label]
    assert bundles == [f"{name}.zip" for name in load_reference().with_files]
    assert len(bundles) == 5, "not the controls, whose files do not come along"


def test_a_run_without_files_offers_no_bundle(open_view: OpenView, home: Home, reference) -> None:
    run = store_run(reference, home, "measured only")
    app = opened(open_view, home, "Numbers and files", run)

    assert "Bundles for devices" not in words(app)


def test_without_any_the_page_says_how_to_get_them(open_view: OpenView, home: Home) -> None:
    app = opened(open_view, home, "Speed")

    text = words(app)
    assert "Nothing is imported yet" in text and "bench.py" in text
    assert len(app.dataframe) == 1 and not app.error


def test_timings_are_charted_beside_the_host_and_can_be_deleted(
    open_view: OpenView, home: Home, reference: Results
) -> None:
    app = opened(open_view, home, "Speed")
    before = charts(app)
    give(app, ("timings.json", encoded(document(reference, device="Board_5"))))

    assert not app.error and charts(app) == before + 1
    table = app.dataframe[-1].value
    assert list(table["device"]) == ["Board_5", "Board_5"] and list(table["threads"]) == [1, 2]
    assert list(table["n"]) == [120, 100] and table["cpu"][0] == "Cortex-A76 (4 cores)"
    assert list(list_timings(home, reference)) == ["int8"]
    assert not app.file_uploader[0].value, "an empty uploader says that it was taken"


def test_disturbed_timings_are_marked(open_view: OpenView, home: Home, reference: Results) -> None:
    app = opened(open_view, home, "Speed")
    give(app, ("timings.json", encoded(disturbed(document(reference)))))
    give(app, ("older.json", encoded(older(document(reference, device="Old board")))))

    table = app.dataframe[-1].value
    assert dict(zip(zip(table["device"], table["threads"], strict=True), table["calm"],
                    strict=True)) == {
        ("Board 5", 1): "disturbed: other programs used up to 43 % of the CPU",
        ("Board 5", 2): "undisturbed",
        ("Old board", 1): "not checked for other programs",
        ("Old board", 2): "not checked for other programs",
    }  # fmt: skip
    assert "⚠ marks timings that other programs disturbed" in words(app)


def test_a_thread_count_no_device_has_is_said(open_view: OpenView, home: Home, reference) -> None:
    told = document(reference)
    told["timings"] = told["timings"][1:]  # two threads only
    import_timings(home, reference, encoded(told), "t.json")

    app = opened(open_view, home, "Speed")
    assert "No device was timed with 1 thread" in words(app)
    before = charts(app)
    app.segmented_control(key="results_threads").set_value(2).run()
    assert charts(app) == before + 1


def test_a_refused_file_is_named_and_the_others_are_taken(
    open_view: OpenView, home: Home, reference: Results
) -> None:
    app = give(
        opened(open_view, home, "Speed"),
        ("../<b>*bad*.json", b'{"format": 1}'),
        ("timings.json", encoded(document(reference))),
        ("other.json", encoded(document(reference, file={"name": "x", "bytes": 1,
                                                         "sha256": "0" * 64}))),
    )  # fmt: skip

    first, second = (error.value.replace("\\", "") for error in app.error)
    assert "<b>*bad*.json is not what bench.py writes" in first and ".." not in first
    assert "\\*bad\\*" in app.error[0].value, "a file's name is no markup"
    assert "other.json has timings of another file" in second
    assert [len(found) for found in list_timings(home, reference).values()] == [1]


def test_an_imported_name_is_no_markup(open_view: OpenView, home: Home, reference) -> None:
    told = encoded(document(reference, device="<img src=x> **b** $x$"))
    import_timings(home, reference, told, "t.json")

    app = opened(open_view, home, "Speed")
    assert "<img" not in words(app)
    assert "&lt;img" in str(app.get("plotly_chart")[-1].proto)
