"""The results page: every part, with everything a run can lack."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from effq_core.base.settings import Home
from effq_core.results import REFERENCE, Results
from tests.app.conftest import OpenView, words
from tests.app.results_page import charts, part, said
from tests.results.run_variations import changed, only, store_run, unlabelled

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
