"""What the words on the pages mean: the text of every tooltip and of the Glossary page."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("glossary.toml")


@dataclass(frozen=True)
class Term:
    """One entry; ``text`` says in one or two sentences what ``title`` means."""

    title: str
    text: str


@cache
def sections() -> dict[str, dict[str, Term]]:
    """Returns the terms by key, by the heading they stand under, in the order to read them in."""
    plain = tomllib.loads(_FILE.read_text("utf-8"))
    return {
        heading: {key: Term(**term) for key, term in terms.items()}
        for heading, terms in plain.items()
    }


def matching(text: str) -> dict[str, list[Term]]:
    """Returns the terms whose title or text holds ``text``, whatever its case, by heading."""
    sought = text.strip().casefold()
    found = {
        heading: [
            each for each in terms.values() if sought in f"{each.title} {each.text}".casefold()
        ]
        for heading, terms in sections().items()
    }
    return {heading: terms for heading, terms in found.items() if terms}


@cache
def _terms() -> dict[str, Term]:
    return {key: term for terms in sections().values() for key, term in terms.items()}


def tip(key: str) -> str:
    """Returns what a term means, for a tooltip; a term that is not there is a ``KeyError``."""
    return _terms()[key].text
