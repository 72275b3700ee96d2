"""What runs are called: short, and sortable by time."""

import re
import secrets
import time

from effq_core.base.errors import InputError

_RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


def new_run_id(created: float | None = None, suffix: str | None = None) -> str:
    """Makes a run's identifier: date, time and four hexadecimal digits, by default random."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(created))
    return f"{stamp}-{suffix or secrets.token_hex(2)}"


def validate_run_id(run_id: str) -> str:
    """Checks an identifier before any path is built from it. Raises InputError if it is not one."""
    if not isinstance(run_id, str) or not _RUN_ID.fullmatch(run_id):
        raise InputError(
            f"{str(run_id)[:60]!r} is not the id of a run.", "`effq runs` lists all runs."
        )
    return run_id
