"""The exported report: whole, offline, escaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from effq_core.deliver.html_report import html_report
from effq_core.measure.statistics import sentence
from effq_core.results import Results, load_reference
from tests.results.run_variations import changed, only, steady, unlabelled

HOSTILE = '<script>alert("x")</script>'


class Outline(HTMLParser):
    """Collects what a browser would load and show."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.alts: list[str] = []
        self.words: list[str] = []
        self._skip = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._skip = tag in ("script", "style")
        values = dict(attrs)
        self.loads += [values[key] or "" for key in ("src", "href", "data") if key in values]
        if values.get("role") == "img":
            self.alts.append(values.get("aria-label") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._skip = False

    def handle_data(self, data: str) -> None:
        if not self._skip:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def reference() -> Results:
    return load_reference()


@pytest.fixture(scope="module")
def page(reference: Results) -> str:
    return html_report(reference, "The reference run")


def test_the_report_loads_nothing_and_has_the_chart_library_once(page: str) -> None:
    outline = Outline(page)

    assert outline.loads == []
    assert page.count("define.amd") <= 3 and len(re.findall(r"plotly\.js v\d", page)) == 1
    assert "cdn.plot.ly/plotly" not in page and "@import" not in page
    assert 4e6 < len(page) < 8e6


def test_every_chart_of_the_report_says_what_it_shows(page: str) -> None:
    alts = Outline(page).alts

    assert len(alts) == page.count("Plotly.newPlot(") - page.count("Plotly.newPlot(e,") >= 9
    assert all(len(alt) > 30 for alt in alts)


def test_the_report_has_the_verdict_the_numbers_and_how_they_were_measured(
    page: str, reference: Results
) -> None:
    text = Outline(page).text

    assert "int8 is 3.30× smaller and 2.74× faster than float32 on 1 thread" in text
    for variant in reference.variants.values():
        assert variant.title in text
        if variant.comparison:
            assert sentence(variant.comparison, "float32", variant.title) in text
    for part in ("n = 1,966 photos", "seed 42", "Xeon", "6,948", "not quantization-aware"):
        assert part in text
    for gate in reference.variants["int8_qat"].gates:
        assert gate.text in text
    assert text.count("passed") >= 20 and "FAILED" not in text


def test_text_from_users_and_files_is_escaped_everywhere(reference: Results) -> None:
    def poison(plain) -> None:
        plain["dataset"]["title"] = HOSTILE
        plain["dataset"]["class_names"] = [HOSTILE] * 10
        plain["head_note"] = HOSTILE
        plain["model"]["title"] = HOSTILE

    page = html_report(changed(reference, poison), HOSTILE)

    assert HOSTILE not in page
    assert HOSTILE in Outline(page).text, "shown as the text it is"
    assert Outline(page).tags.count("script") == 1 + page.count('<figure role="img"')


def test_no_path_of_the_machine_is_in_the_report(reference: Results) -> None:
    secret = changed(
        reference, lambda plain: plain["experiment"].update(dataset="folder:/home/someone/photos")
    )

    assert "/home/someone" not in html_report(secret, "x")


def test_a_run_with_float32_only_has_a_report_without_empty_sections(reference: Results) -> None:
    page = html_report(only(reference, "float32"), "x")

    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert "Is the difference real?" not in titles and "Training" not in titles
    assert "Latency" in titles and "22,895" in Outline(page).text


def test_photos_without_labels_have_a_report_without_accuracy(
    reference: Results, tmp_path: Path
) -> None:
    text = Outline(html_report(unlabelled(reference, tmp_path), "x")).text

    assert "no labels, so no accuracy" in text
    assert "<h2>Confusion</h2>" not in text and "Top-1" not in text.split("How it was measured")[0]


def test_a_failed_check_is_in_the_report(reference: Results) -> None:
    def fail(plain) -> None:
        plain["variants"]["int8"]["gates"][1] |= {"passed": False, "detail": "3 tensors are float."}

    text = Outline(html_report(changed(reference, fail), "x")).text
    assert "FAILED 3 tensors are float." in text


def test_a_doubtful_outcome_looks_doubtful_and_says_why(reference: Results) -> None:
    def busy(plain) -> None:
        plain["variants"]["int8"]["latency"][0] |= {"warning": "Busy.", "others_share": 0.53}

    doubtful = html_report(changed(reference, busy), "x")

    sure = html_report(steady(reference), "x")
    assert '<div class="verdict">' in sure and '<div class="verdict doubtful">' in doubtful
    assert "Treat with caution. Time again before choosing" in Outline(doubtful).text
    assert "Timed on a busy machine" in Outline(doubtful).text
    assert "2.74×" not in Outline(doubtful).text and "2.74*" in Outline(doubtful).text
