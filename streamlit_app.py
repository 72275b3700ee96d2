"""The dashboard's entry: `streamlit run streamlit_app.py`, or `make app`."""

from pages.ui.common.navigation import run

run()
