"""Collects garbage once a minute, not after every script as Streamlit would.

Each time it looks at every object of every library, some 60 ms in which nothing else runs. But it
has to be done: what a visitor who left has held, uploads and folders too, goes with it.
"""

import gc
import threading
import time

EVERY = 60.0  # seconds

_lock = threading.Lock()
_last = time.monotonic()


def collect_now_and_then() -> None:
    """Collects, if nobody has for a minute."""
    global _last
    with _lock:
        now = time.monotonic()
        if now - _last < EVERY:
            return
        _last = now
    gc.collect()
