"""The stores that the command line's tests use."""

from tests.cli.conftest import home, tiny_home  # noqa: F401 - fixtures
