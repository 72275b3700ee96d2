"""The glossary: every term is explained once, used somewhere and found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from effq_core.base.glossary import matching, sections, tip

ROOT = Path(__file__).resolve().parents[2]
TERMS = {key: term for terms in sections().values() for key, term in terms.items()}


def test_each_term_stands_under_one_heading_with_a_title_of_its_own() -> None:
    assert sum(len(terms) for terms in sections().values()) == len(TERMS)
    assert len({term.title for term in TERMS.values()}) == len(TERMS)


@pytest.mark.parametrize("key", TERMS)
def test_a_term_is_explained_in_short_sentences_without_mark_up(key: str) -> None:
    text = TERMS[key].text
    assert text.endswith(".")
    assert not re.search(r"[`*_<>]{2}|\n|  ", text), text
    assert tip(key) == text


def test_every_used_term_is_there() -> None:
    sources = [
        path.read_text("utf-8")
        for folder in ("pages", "effq_core")
        for path in (ROOT / folder).rglob("*.py")
    ]
    asked = {word for text in sources for word in re.findall(r'\btip\("(\w+)"\)', text)}
    assert sorted(asked - set(TERMS)) == []


def test_terms_are_found_by_title_and_by_text_whatever_the_case() -> None:
    found = [term.title for terms in matching(" FAKE-quant ").values() for term in terms]
    assert "Fake-quant" in found
    assert "Untrained control" not in found
    assert "Float control" in found, "its text says fake-quant"
    assert matching("no such word") == {}
    assert matching("") == {name: list(terms.values()) for name, terms in sections().items()}


def test_an_unknown_term_is_refused() -> None:
    with pytest.raises(KeyError):
        tip("no_such_term")
