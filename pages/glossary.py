"""A door: on a fresh server Streamlit looks here first for an address; see pages/ui/navigation."""

from pages.ui.common.navigation import run

run()
