"""Collects garbage, some 60 ms each time, once a minute and not after every script."""

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
