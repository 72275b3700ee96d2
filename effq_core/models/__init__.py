"""Sources of models and how they are rebuilt in a worker."""

from typing import Any

from effq_core import public


def __getattr__(name: str) -> Any:
    return public(f"models.{name}")


def __dir__() -> list[str]:
    return ["add", "available", "download", "remove"]
