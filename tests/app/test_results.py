"""The results page: every part, with everything a run can lack."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from effq_core.base.settings import Home
from effq_core.photos.added import add_folder
from effq_core.photos.preview import preview_folder
from effq_core.photos.roots import Roots
from effq_core.results import REFERENCE, Results, load_reference
from effq_core.store.database import Database
from tests.app.conftest import OpenView, words
from tests.results.run_variations import changed, only, store_run, together, unlabelled

PARTS = (
    "Trade-off",
    "Pick for me",
    "Is it real?",
    "Changed photos",
    "Classes",
    "Speed",
    "Training",
    "Numbers and files",
    "Checks",
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.root.mkdir()
    return made


@pytest.fixture(scope="module")
def reference() -> Results:
    return load_reference()


def said(app: AppTest) -> str:
    assert not app.exception
    assert not app.error, [error.value for error in app.error]
    return words(app).replace("\\", "")


def part(app: AppTest, name: str) -> str:
    return said(app.segmented_control(key="part").set_value(name).run())


def charts(app: AppTest) -> int:
    return len(app.get("plotly_chart"))


def test_an_empty_store_shows_the_reference_run(open_view: OpenView, home: Home) -> None:
    app = open_view(home.root, "results")

    text = said(app)
    assert "int8 is 3.30× smaller and 2.74× faster than float32 on 1 thread" in text
    for fact in ("n = 1,966 photos", "1 and 2 threads", "Xeon", "seed 42"):
        assert fact in text
    assert charts(app) == 3
    assert "Why our numbers differ from the paper" in [each.label for each in app.expander]


@pytest.mark.parametrize("name", PARTS)
def test_every_part_of_the_reference_run_can_be_opened(
    open_view: OpenView, home: Home, name: str
) -> None:
    app = open_view(home.root, "results", REFERENCE)

    assert len(part(app, name)) > 200


def test_only_the_chosen_part_is_drawn(open_view: OpenView, home: Home) -> None:
    app = open_view(home.root, "results", REFERENCE)
    part(app, "Checks")

    assert charts(app) == 0 and not app.dataframe


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


def test_pick_for_me_follows_the_limits(open_view: OpenView, home: Home) -> None:
    app = open_view(home.root, "results", REFERENCE)
    assert "cannot tell it from int8" in part(app, "Pick for me")
    size = app.select_slider(key="pick_size")
    assert size.options[0] == "6,400 KiB" and size.options[-1] == "no limit"
    size.set_value(6646.0).run()

    text = said(app)
    assert ":material/recommend: **dynamic range**: 3.56× smaller" in text
    assert "**int8**: Too large (6,948 KiB; the limit is 6,6" in text
    assert "A control, never recommended" in text


def test_limits_nobody_meets_name_the_nearest_variant_and_loosen_to_it(
    open_view: OpenView, home: Home
) -> None:
    app = open_view(home.root, "results", REFERENCE)
    part(app, "Pick for me")
    app.select_slider(key="pick_size").set_value(6400.0).run()
    app.select_slider(key="pick_latency").set_value(6.0).run()
    assert "No variant meets these limits.** int8 QAT comes nearest" in said(app)
    assert "it needs 6,964 KiB and 6.09 ms." in said(app)

    app.button(key="pick_loosen").click().run()
    text = said(app)
    assert ":material/recommend: **int8 QAT**" in text and "No variant meets" not in text
    assert app.select_slider(key="pick_latency").value == 6.1


def test_the_table_has_every_column_in_its_groups(open_view: OpenView, home: Home) -> None:
    app = open_view(home.root, "results", REFERENCE)
    part(app, "Numbers and files")
    group = app.segmented_control(key="numbers_group")
    seen = set()
    for name in group.options:
        app.segmented_control(key="numbers_group").set_value(name).run()
        said(app)
        seen |= set(app.dataframe[0].value.columns)
    assert {"size_kib", "top1_low_percent", "mcnemar_p", "threads_2_p99_ms", "sha256"} <= seen
    labels = [button.label for button in app.get("download_button")]
    assert "Report, HTML" in labels and "Table, CSV" in labels and "Results, JSON" in labels


def test_a_run_with_float32_only_has_every_part(
    open_view: OpenView, home: Home, reference: Results
) -> None:
    run = store_run(only(reference, "float32"), home, "float32 only")
    app = open_view(home.root, "results", run)
    assert "This run has float32 only" in said(app)

    texts = {name: part(app, name) for name in PARTS}
    assert "float32 only: there is nothing to compare" in texts["Is it real?"]
    assert "float32 only: there is nothing to compare" in texts["Changed photos"]
    assert "Confusion of float32" in texts["Classes"]
    assert "No variant of this run was fine-tuned" in texts["Training"]


def test_photos_without_labels_show_agreement_in_every_part(
    open_view: OpenView, home: Home, reference: Results, tmp_path: Path
) -> None:
    run = store_run(unlabelled(reference, tmp_path / "answers"), home, "no labels")
    app = open_view(home.root, "results", run)
    assert "97.8 % of 1,966 photos (no labels, so no accuracy)" in said(app)

    texts = {name: part(app, name) for name in PARTS}
    assert "gives the same answer as float32 for 97.8 %" in texts["Is it real?"]
    assert "The photos have no labels" in texts["Classes"]
    assert "43 photos of 43" in texts["Changed photos"]
    del texts["Checks"]  # it quotes what the model's maker says of its top-1
    for name, text in texts.items():
        assert "top-1" not in text.lower().replace("top-1 class", ""), name


def test_a_failed_check_is_seen_at_once_and_first_in_the_list(
    open_view: OpenView, home: Home, reference: Results
) -> None:
    def fail(plain) -> None:
        plain["variants"]["int8"]["gates"][1] |= {"passed": False, "detail": "3 are floats."}

    run = store_run(changed(reference, fail), home, "broken")
    app = open_view(home.root, "results", run)
    assert "1 of 20 checks failed" in said(app)
    outcome = app.warning[0].value.replace("\\", "")
    assert "int8 QAT is 3.29× smaller" in outcome, "not the one that failed"
    assert "too few to exclude a difference of 1 point" in outcome and not app.success

    text = part(app, "Checks")
    checks = [each.value for each in app.markdown if "badge" in each.value]
    [failed] = [each for each in checks if "1 of 4 failed" in each]
    assert checks.index(failed) == 2, "the first, after the two badges of the head"
    assert "✗ failed** int8: 3 are floats." in text


def test_names_of_photos_and_classes_cannot_write_markdown(
    open_view: OpenView, home: Home, reference: Results
) -> None:
    def poison(plain) -> None:
        plain["dataset"]["title"] = "[x](http://evil) **b** :red[y] $z$"
        plain["head_note"] = "<img src=x> **w**"

    run = store_run(changed(reference, poison), home, "hostile")
    app = open_view(home.root, "results", run)

    raw = words(app) + words(app.segmented_control(key="part").set_value("Checks").run())
    assert "[x](http" not in raw and "**b**" not in raw and ":red[" not in raw
    assert not re.search(r"(?<!\\)<img", raw) and "**w**" not in raw


def test_runs_side_by_side_say_what_differs_and_what_does_not_compare(
    open_view: OpenView, home: Home, reference: Results
) -> None:
    other = changed(reference, lambda plain: plain["hardware"].update(cpu="Cortex-A72"))
    run = store_run(other, home, "on the board")
    app = open_view(home.root, "results", [REFERENCE, run])

    text = said(app)
    assert "Latencies of these runs cannot be compared: they differ in machine." in text
    assert "Accuracies of these runs cannot be compared" not in text
    differences = app.dataframe[0].value
    assert list(differences["what"]) == ["Machine"]
    assert "Cortex-A72" in differences["B"][0]
    across = app.dataframe[1].value
    assert len(across) == 7 and set(across["p"]) == {1.0}
    assert "Calibration photos: the same in all these runs" in text


def test_runs_of_other_calibration_sizes_are_joined_by_a_line(
    open_view: OpenView, home: Home, reference: Results
) -> None:
    runs = [
        store_run(
            changed(
                reference, lambda plain, n=n: plain["experiment"]["calibration"].update(size=n)
            ),
            home,
            f"{n} photos",
        )
        for n in (20, 100)
    ]
    app = open_view(home.root, "results", [*runs, REFERENCE])
    assert charts(app) == 2, "side by side, and the sweep"
    app.toggle(key="several_difference").set_value(True).run()
    assert charts(app) == 2
    said(app)

    app.segmented_control(key="several_along").set_value("qat_epochs").run()
    assert charts(app) == 2, "epoch 0 is the untrained control"


def test_a_run_of_the_address_that_is_not_there_is_said(open_view: OpenView, home: Home) -> None:
    app = open_view(home.root, "results", "20990101-000000-dead")

    assert "1 run in this address cannot be shown" in said(app)
    assert "int8 is 3.30×" in said(app), "the reference run instead"


def test_a_selection_that_is_emptied_falls_back_on_a_run(open_view: OpenView, home: Home) -> None:
    app = open_view(home.root, "results", REFERENCE)
    app.multiselect(key="choose_runs").set_value([]).run()

    assert app.multiselect(key="choose_runs").value == [REFERENCE]
    assert app.toast[0].value.startswith("No run is chosen, so this shows Reference run")
    assert charts(app) == 3


def test_latencies_can_be_taken_anew_and_the_run_keeps_its_own(
    open_view: OpenView, home: Home, reference: Results, started: list[str]
) -> None:
    own = changed(reference, lambda plain: plain["experiment"].update(dataset="photo_patches"))
    run = store_run(own, home, "Mine")
    app = open_view(home.root, "results", run)
    part(app, "Speed")
    app.button(key="speed_anew").click().run()

    database = Database(home.database)
    (again,) = [database.get_run(each) for each in started]
    assert again.experiment == {**own.experiment.to_dict(), "sitting": 1}
    assert again.name == "Mine, timed again"
    assert database.get_run(run).results is not None


def test_a_runs_files_can_be_measured_on_other_photos(
    open_view: OpenView,
    home: Home,
    started: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("tench", "church"):
        (tmp_path / "new" / name).mkdir(parents=True)
        for shade in (40, 200):
            photo = Image.new("RGB", (40, 40), (shade, len(name), 90))
            photo.save(tmp_path / "new" / name / f"{shade}.png")
    monkeypatch.setenv("EFFQ_DATA_ROOTS", str(tmp_path))
    roots = Roots.from_environment()
    add_folder(home, roots, preview_folder(roots, tmp_path / "new"))
    app = open_view(home.root, "results", REFERENCE)
    part(app, "Is it real?")
    app.selectbox(key="elsewhere_photos").set_value("photo_patches").run()
    app.button(key="elsewhere_start").click().run()
    assert not started, "classes the files do not know are said, and leave no run"
    assert "cannot be measured" in app.error[0].value
    app.selectbox(key="elsewhere_photos").set_value(f"folder:{tmp_path / 'new'}").run()
    app.button(key="elsewhere_start").click().run()
    (run,) = [Database(home.database).get_run(each) for each in started]
    assert run.experiment["files_of"] == REFERENCE


@pytest.mark.parametrize("key", ["head_anew", "pick_anew"])
def test_a_disturbed_timing_recommends_nothing_and_offers_to_time_again(
    open_view: OpenView, home: Home, reference: Results, started: list[str], key: str
) -> None:
    own = changed(reference, lambda plain: plain["experiment"].update(dataset="photo_patches"))
    run = store_run(together(own, {"float32": 0.4}), home, "Mine")
    app = open_view(home.root, "results", run)
    part(app, "Pick for me")

    text = said(app)
    assert "Time again before choosing" in text and "2.74×" not in text
    app.button(key=key).click().run()
    assert len(started) == 1


def test_a_disturbed_ratio_is_marked_in_the_table_of_speeds(
    open_view: OpenView, home: Home, reference: Results
) -> None:
    run = store_run(together(reference, {"int8": 0.4}), home, "Mine")
    app = open_view(home.root, "results", run)
    part(app, "Speed")
    assert "Timed on a busy machine: int8" in said(app)


def test_the_reference_run_cannot_be_timed_here(open_view: OpenView, home: Home) -> None:
    app = open_view(home.root, "results", REFERENCE)
    part(app, "Speed")
    assert "speed_anew" not in [button.key for button in app.button]
