"""From errors to messages and exit codes, for every command alike."""

import os
import secrets
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from effq_core import __version__
from effq_core.base.errors import Cancelled, EffqError, InputError, StoreError
from effq_core.base.settings import Home
from effq_core.cli.output import print_error

OK, FAILED, BAD_INPUT, CANCELLED = 0, 1, 2, 130


class EffqGroup(TyperGroup):
    """A group of commands whose errors end as a message and an exit code, never as a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the chosen command."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.TyperException):
            raise  # wrong usage: Typer knows how to say it
        except (KeyboardInterrupt, typer.Abort):
            print_error("Cancelled.")
            raise typer.Exit(CANCELLED) from None
        except EffqError as error:
            print_error(error.message, error.hint)
            raise typer.Exit(exit_code(error)) from error
        except BrokenPipeError:
            # The reader, such as `head`, has seen enough; the interpreter must not complain again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(OK) from None
        except Exception as error:
            report_bug(error)
            raise typer.Exit(FAILED) from error


def exit_code(error: EffqError) -> int:
    """Returns the exit code an error stands for."""
    if isinstance(error, Cancelled):
        return CANCELLED
    return BAD_INPUT if isinstance(error, InputError) else FAILED


def report_bug(error: Exception) -> Path:
    """Writes a traceback to a log file and prints a short report that names it."""
    bug = secrets.token_hex(4)
    text = (
        f"effq {__version__}, bug {bug}, {time.strftime('%Y-%m-%d %H:%M:%S')}\n"
        f"{' '.join(sys.argv)}\n\n{''.join(traceback.format_exception(error))}"
    )
    path = _write_log(bug, text)
    print_error(
        f"EffQ failed unexpectedly ({type(error).__name__}: {str(error)[:300]}; bug {bug}).",
        f"This is a fault of EffQ. Report it with the file {path}.",
    )
    return path


def _write_log(bug: str, text: str) -> Path:
    from effq_core.base.files import write_atomic

    name = f"bug-{time.strftime('%Y%m%d-%H%M%S')}-{bug}.log"
    try:
        path = Home.from_environment().root / "logs" / name
        write_atomic(path, text.encode())
    except (StoreError, OSError, RuntimeError):  # the store itself may be what fails
        path = Path(tempfile.gettempdir()) / f"effq-{name}"
        path.write_text(text, encoding="utf-8")
    return path
