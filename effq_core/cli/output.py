"""Where the command line writes, and how."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from effq_core.base import formatting as fmt

PLAIN_WIDTH = 140  # columns of a table that goes to a file or a pipe


def stdout() -> Console:
    """Returns a console on standard output."""
    return _console(stderr=False)


def stderr() -> Console:
    """Returns a console on standard error."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    # Made at each use: tests and shells put other streams in place of the process's own.
    console = Console(stderr=stderr, highlight=False, soft_wrap=False)
    if not console.is_terminal and not os.environ.get("COLUMNS"):
        console.width = PLAIN_WIDTH
    return console


def say(text: str, *, style: str = "", error: bool = False) -> None:
    """Prints text that may hold anything, brackets included, without cutting its lines."""
    console = stderr() if error else stdout()
    console.print(text, style=style or None, markup=False, soft_wrap=True)


def name_idle(beside: str, options: Mapping[str, object]) -> None:
    """Names the options on standard error that were given and have no effect beside another."""
    idle = [name for name, value in options.items() if value]
    if idle:
        verb = "has" if len(idle) == 1 else "have"
        say(f"{fmt.listed(idle)} {verb} no effect with {beside}.", error=True)


def print_json(value: Any) -> None:
    """Prints a value as JSON, and nothing else, on standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def table(*columns: str, title: str = "", right: tuple[str, ...] = ()) -> Table:
    """Makes an empty table in the one style tables have; ``right`` are its headings of numbers."""
    made = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    made.padding = (0, 2, 0, 0)
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left")
    return made


def safe(text: str) -> str:
    """Returns text that Rich prints as it is, though it may hold brackets."""
    return escape(text)


def print_error(message: str, hint: str = "") -> None:
    """Prints what went wrong in red and what to do next, on standard error."""
    say(message, style="bold red", error=True)
    if hint:
        say(hint, style="red", error=True)
