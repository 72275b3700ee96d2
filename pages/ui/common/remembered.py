"""What follows from objects that never change, made once for all visitors: charts, above all."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from pathlib import PurePath
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
MOST = 128  # things remembered; a chart takes some ten kilobytes

_lock = threading.Lock()
# With what they were made from, so that nothing else can get the same identity meanwhile.
_made: OrderedDict[tuple[Any, ...], tuple[Any, Any]] = OrderedDict()


def remembered(make: Callable[P, T], *given: P.args, **chosen: P.kwargs) -> T:
    """Makes something of shared, constant objects by a pure function, or returns it again."""
    parts = (*given, *(part for pair in sorted(chosen.items()) for part in pair))
    key = (make.__module__, make.__qualname__, *map(_identity, parts))
    with _lock:
        if key in _made:
            _made.move_to_end(key)
            found: T = _made[key][1]
            return found
    result = make(*given, **chosen)
    with _lock:
        _made[key] = (parts, result)
        while len(_made) > MOST:
            _made.popitem(last=False)
    return result


def _identity(value: Any) -> tuple[Any, ...]:
    if value is None or isinstance(value, (str, int, float, Enum, PurePath)):
        return type(value), value
    if type(value) is tuple:
        return tuple, *map(_identity, value)
    return type(value), id(value)
