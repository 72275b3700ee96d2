"""The Glossary page: all terms, and those that fit a search."""

from __future__ import annotations

from pathlib import Path

from effq_core.base.glossary import sections
from tests.app.conftest import OpenView, words


def test_all_terms_are_listed_and_a_search_narrows_them(
    open_view: OpenView, tmp_path: Path
) -> None:
    app = open_view(tmp_path, "glossary")
    shown = words(app)
    for heading, terms in sections().items():
        assert heading in shown
        assert all(f"**{term.title}**" in shown for term in terms.values())

    app.text_input(key="glossary_search").input("mcnemar").run()
    assert [each.value for each in app.subheader] == ["Accuracy"]
    assert "**McNemar test**" in words(app)
    assert "**Fake-quant**" not in words(app)

    app.text_input(key="glossary_search").input("no such word").run()
    assert "Try a shorter word" in words(app)
