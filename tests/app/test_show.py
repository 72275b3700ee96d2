"""How pages show things."""

from __future__ import annotations

import pytest

from pages.ui.common.show import escape, prose


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**bold** [x](http://e.x)", r"\*\*bold\*\* \[x\]\(http\://e\.x\)"),
        ("<script>", r"\<script\>"),
        (":red[no]", r"\:red\[no\]"),
        ("two\nlines", "two lines"),
    ],
)
def test_text_of_others_is_shown_as_it_is(text: str, shown: str) -> None:
    assert escape(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`effq runs` lists them.", r"`effq runs` lists them\."),
        ("Run `a*b` or `c`", "Run `a*b` or `c`"),
        ("one ` alone *b*", r"one \` alone \*b\*"),
        ("``*x*``", r"\*x\*"),
    ],
)
def test_code_in_a_message_stays_code_and_nothing_else_is_markup(text: str, shown: str) -> None:
    assert prose(text) == shown
