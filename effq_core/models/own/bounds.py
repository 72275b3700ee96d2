"""Which values may go to plain operations and constants as they stand: numbers, few words."""

import math
from typing import Any

MOST = 1 << 31  # largest whole number, such as an axis or a side


def words(text: str) -> frozenset[str]:
    """Returns the words of a text."""
    return frozenset(text.split())


DTYPES = words("bool int8 int16 int32 int64 uint8 uint16 uint32 float16 bfloat16 float32 float64")
_WORDS = DTYPES | words("""
    constant reflect symmetric wrap nearest bilinear same valid channels_last channels_first
    mixed_float16 mixed_bfloat16 sum mean sum_over_batch_size mean_with_sample_weight auto none
    micro macro weighted
""")


def odd_value(value: Any) -> Any:
    """Finds the first value of a setting that is no number, known word, ``None`` or their list."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif not (each is None or _is_number(each) or _is_known(each)):
            return each
    return None


def is_constant(config: Any) -> bool:
    """Whether a configuration is that of an array of numbers: a value and a type."""
    return (
        isinstance(config, dict)
        and set(config) == {"value", "dtype"}
        and isinstance(config["dtype"], str)
        and config["dtype"] in DTYPES
        and _all_numbers(config["value"])
    )


def is_slice(config: Any) -> bool:
    """Whether a configuration is that of a slice: whole numbers or nothing."""
    return (
        isinstance(config, dict)
        and set(config) == {"start", "stop", "step"}
        and all(each is None or _is_whole(each) for each in config.values())
    )


def _all_numbers(value: Any) -> bool:
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif not _is_number(each):
            return False
    return True


def _is_number(value: Any) -> bool:
    # True and False are whole numbers to Python.
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and abs(value) <= MOST


def _is_known(value: Any) -> bool:
    if isinstance(value, str):
        return value in _WORDS
    return isinstance(value, dict) and "class_name" in value
