"""Who comes when the server has enough to do is asked to wait, and loses nothing."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from effq_core.base.errors import BusyError, Cancelled
from effq_core.jobs.limits import Held, Room


def test_a_full_room_says_how_many_are_in_it_and_what_to_do() -> None:
    room = Room("photo", 3)

    refused = pytest.raises(BusyError, match="busy with 2 photos")
    with room.enter(2), refused as caught, room.enter(2):
        pass
    assert "Try again in a moment" in caught.value.hint
    with room.enter(3):  # nothing of the refused two is left
        assert room.inside == 3


def test_who_waits_gets_in_when_somebody_leaves() -> None:
    room = Room("upload", 1, waiting=1, patience=20)
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with room.enter():
            inside.set()
            leave.wait(20)

    def second() -> float:
        started = time.monotonic()
        with room.enter(on_wait=leave.set):
            return time.monotonic() - started

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(first)
        inside.wait(20)
        assert pool.submit(second).result() < 10
        one.result()
    assert room.inside == 0


def test_a_long_queue_and_a_long_wait_are_refused() -> None:
    room = Room("upload", 1, waiting=1, patience=0.2)
    with room.enter():
        started = time.monotonic()
        with pytest.raises(BusyError, match=r"busy with 1 upload\."), room.enter():
            pass
        assert time.monotonic() - started >= 0.2
        refused: list[BusyError] = []

        def third() -> None:
            if not refused:  # while one waits already
                try:
                    with room.enter():
                        pass
                except BusyError as error:
                    refused.append(error)

        with pytest.raises(BusyError), room.enter(on_wait=third):
            pass
        assert refused
    assert room.inside == 0


def test_who_gives_up_waiting_leaves_no_trace() -> None:
    room = Room("upload", 1, waiting=1, patience=20)

    def give_up() -> None:
        raise Cancelled("The visitor left.")

    with room.enter(), pytest.raises(Cancelled), room.enter(on_wait=give_up):
        pass
    assert room.inside == 0


def test_never_more_than_allowed_are_inside_whoever_comes() -> None:
    room = Room("photo", 4, waiting=50, patience=30)
    now, most, lock = 0, 0, threading.Lock()

    def visit(count: int) -> None:
        nonlocal now, most
        with room.enter(count):
            with lock:
                now += count
                most = max(most, now)
            time.sleep(0.002)
            with lock:
                now -= count

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(visit, [1, 2, 3, 4] * 10))
    assert 0 < most <= 4 and room.inside == 0


def test_files_are_bounded_for_one_visitor_and_for_all() -> None:
    held = Held(visitor=100, server=250)
    for visitor in "ab":
        held.take(visitor, "1", 100)

    with pytest.raises(BusyError, match="Your files"):
        held.take("a", "2", 1)
    with pytest.raises(BusyError, match="busy with 2 uploads"):
        held.take("c", "1", 60)
    held.take("c", "1", 50)
    assert held.bytes == 250
    held.take("c", "1", 20)  # the same file once more replaces itself
    assert held.bytes == 220
    held.check(30)
    with pytest.raises(BusyError, match="busy with 3 uploads"):
        held.check(31)
    held.leave("a")
    held.leave("b", "1")
    held.leave("b", "1")
    held.leave("nobody")
    assert held.bytes == 20
    held.take("d", "1", 100)
