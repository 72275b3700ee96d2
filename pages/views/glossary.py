"""Glossary: every term of the dashboard, to read or to look up."""

from pages.ui.common.show import page_head
from pages.ui.glossary.terms import terms_part

page_head("Glossary", "What do the words mean?")
terms_part()
