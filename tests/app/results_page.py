"""What a test asks of the results page."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.app.conftest import words


def said(app: AppTest) -> str:
    assert not app.exception
    assert not app.error, [error.value for error in app.error]
    return words(app).replace("\\", "")


def part(app: AppTest, name: str) -> str:
    return said(app.segmented_control(key="part").set_value(name).run())


def charts(app: AppTest) -> int:
    return len(app.get("plotly_chart"))
