"""Is it real?, and the photos whose answers changed."""

from __future__ import annotations

from effq_core.base.settings import Home
from effq_core.results import REFERENCE
from tests.app.conftest import OpenView
from tests.app.results_page import part, said


def test_is_it_real_says_it_in_a_sentence_with_flips_interval_and_p(
    open_view: OpenView, home: Home
) -> None:
    app = open_view(home.root, "results", REFERENCE)
    text = part(app, "Is it real?")
    assert "int8 is worse than float32 by 0.2 points (18 got worse, 15 better)" in text
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Worse / better"] == "18 / 15" and shown["Exact McNemar"] == "p = 0.73"
    assert shown["95 % interval"] == "−0.7 to +0.4"

    app.selectbox(key="results_first").set_value("int8_float_control").run()
    text = said(app)
    assert "int8 is worse than int8 float control by 1.2 points" in text
    assert "this is significant" in text


def test_every_pair_is_shown_on_request_with_the_corrected_p(
    open_view: OpenView, home: Home
) -> None:
    app = open_view(home.root, "results", REFERENCE)
    part(app, "Is it real?")
    assert not app.dataframe
    app.toggle(key="real_all").set_value(True).run()

    frame = app.dataframe[0].value
    assert len(frame) == 21 and (frame["holm"] >= frame["p"]).all()
    assert "21 pairs at once" in said(app)


def test_the_same_variant_twice_is_said_and_not_compared(open_view: OpenView, home: Home) -> None:
    app = open_view(home.root, "results", REFERENCE)
    part(app, "Is it real?")
    app.selectbox(key="results_second").set_value("float32").run()

    assert "Choose two different variants." in said(app)


def test_changed_photos_of_the_reference_run_are_a_table_that_says_why(
    open_view: OpenView, home: Home
) -> None:
    app = open_view(home.root, "results", REFERENCE)
    text = part(app, "Changed photos")

    assert "ships no photos" in text and "43 photos of 43" in text
    frame = app.dataframe[0].value
    assert len(frame) == 43 and set(frame["key"].str.split("/").str[0]) == {"val"}


def test_changed_photos_are_filtered_by_what_changed_and_by_class(
    open_view: OpenView, home: Home
) -> None:
    app = open_view(home.root, "results", REFERENCE)
    part(app, "Changed photos")
    app.pills(key="photos_kinds").set_value(["worse"]).run()
    assert set(app.dataframe[0].value["change"]) == {"got worse"}
    assert len(app.dataframe[0].value) == 18
    app.selectbox(key="photos_class").set_value("gas pump").run()

    frame = app.dataframe[0].value
    assert len(frame) == 5 and set(frame["truth"]) == {"gas pump"}
    # A class the next pair does not have is forgotten instead of failing.
    app.selectbox(key="results_second").set_value("dynamic_range").run()
    said(app)


def test_photos_that_changed_are_shown_as_the_models_saw_them(
    open_view: OpenView, tiny_run
) -> None:
    app = open_view(tiny_run.home.root, "results", tiny_run.run.id)
    part(app, "Changed photos")
    wanted = next(
        name
        for name in ("int8", "int8_qat", "dynamic_range")
        if tiny_run.results.variants[name].comparison.agreement.share < 1
    )
    app.selectbox(key="results_second").set_value(wanted).run()

    comparison = tiny_run.results.variants[wanted].comparison
    differing = comparison.n - comparison.agreement.k
    assert f"{differing} photo" in said(app)
    assert len(app.image) == min(differing, 24)
