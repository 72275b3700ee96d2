"""``bench.py`` beside other programs: it waits, repeats, takes turns, and marks what is left."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from effq_core.devices.scripts import bench
from effq_core.devices.timing_file import read_timings

FIRST, SECOND = Path("first.tflite"), Path("second.tflite")


def stat(user: int, nice: int, idle: int, steal: int = 0) -> str:
    # The guest's time at the end is in user already.
    return f"cpu  {user} {nice} 0 {idle} 50 0 0 {steal} {user} 0\ncpu0 1 2 3\n"


def test_others_share_is_what_is_neither_idle_nor_ours(monkeypatch) -> None:
    monkeypatch.setattr(bench.os, "sysconf", lambda name: 100)
    times, own = iter([stat(1000, 0, 5000), stat(1250, 50, 5600, 100)]), iter([2.0, 4.0])
    monkeypatch.setattr(bench, "_read", lambda path: next(times))
    monkeypatch.setattr(bench.Others, "_process", staticmethod(lambda: next(own)))
    # Of 10 s, 4 were busy (one stolen by a hypervisor), 2 of them with us.
    assert bench.Others().share() == pytest.approx(0.2)


@pytest.mark.parametrize("content", ["", "cpu 1 2\n", "intr 1 2 3 4 5 6 7 8 9\n"])
def test_where_the_system_is_silent_nobody_is_blamed(monkeypatch, content: str) -> None:
    monkeypatch.setattr(bench, "_read", lambda path: content)
    assert bench.Others().share() is None
    assert not bench.is_busy(None)
    assert bench.is_busy(0.11) and not bench.is_busy(0.1)


class World:
    """A machine of which tests say what other programs use, one look after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks: Iterator[float | None] = iter(())
        self.shares: dict[tuple[Path, int], Iterator[float | None]] = {}
        self.measured: list[tuple[str, int, int]] = []
        self.now = 0.0
        monkeypatch.setattr(bench, "Others", lambda: self)
        monkeypatch.setattr(bench.time, "sleep", self._pass)
        monkeypatch.setattr(bench.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(bench, "_in_own_process", self._measure)

    def _pass(self, seconds: float) -> None:
        self.now += seconds

    def share(self) -> float | None:
        return next(self.looks, 0.0)

    def _measure(self, path: Path, threads: int, invocations: int, warmup: int) -> dict[str, Any]:
        self._pass(10)
        self.measured.append((path.stem, threads, invocations))
        share = next(self.shares.get((path, threads), iter(())), 0.0)
        return {
            "load_ms": 1.0 + len(self.measured),
            "first_invoke_ms": 2.0,
            "samples_ms": [5.0 + (share or 0)] * invocations,
            "others_share": share,
        }


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_files_take_turns_in_changing_order(world: World) -> None:
    found = bench.sit([(FIRST, 1), (SECOND, 1)], 110, 3, bench.Patience(60))

    there, back = ["first", "second"], ["second", "first"]
    assert [name for name, _, _ in world.measured] == [*there, *back, *there, *back]
    assert sum(n for name, _, n in world.measured if name == "first") == 110
    timing = found[FIRST, 1]
    assert (len(timing["samples_ms"]), timing["rounds"], timing["warmup"]) == (110, 4, 3)
    assert (timing["disturbed"], timing["others_share"]) == (0, 0.0)
    # The cold start is one round's, and the middle one's.
    assert timing["cold_start_ms"] == timing["load_ms"] + 2.0 == 7.0


def test_it_waits_until_the_others_are_quiet_and_says_so(world: World, capsys) -> None:
    world.looks = iter([0.6, 0.5, 0.05])
    patience = bench.Patience(60)
    patience.wait()

    assert world.now == 1.5
    assert patience.left == 59
    told = capsys.readouterr().out
    assert told.count("Waiting for a quiet CPU: other programs use 60 %.") == 1


def test_what_others_disturb_is_repeated_and_the_calmest_counts(world: World) -> None:
    world.shares[FIRST, 1] = iter([0.0, 0.5, 0.3, 0.02, 0.0, 0.0])
    found = bench.sit([(FIRST, 1)], 100, 3, bench.Patience(100))

    assert len(world.measured) == 6
    assert (found[FIRST, 1]["disturbed"], found[FIRST, 1]["others_share"]) == (0, 0.02)


def test_what_stays_disturbed_is_marked(world: World) -> None:
    world.shares[FIRST, 1] = iter([0.4, 0.5, 0.3, 0.6, 0.0, 0.2])
    found = bench.sit([(FIRST, 1), (SECOND, 1)], 100, 3, bench.Patience(25))

    # Three more tries of the first round use up the patience; of the last round, none is left.
    assert [name for name, _, _ in world.measured].count("first") == 4 + 3
    timing = found[FIRST, 1]
    assert (timing["disturbed"], timing["others_share"]) == (2, 0.3)
    assert "DISTURBED in 2 of 4 rounds" in bench.words(timing)
    assert "used up to 30 % of the CPU" in bench.words(timing)
    assert "DISTURBED" not in bench.words(found[SECOND, 1])


def test_without_patience_it_measures_at_once(world: World) -> None:
    world.looks = iter([0.9] * 9)
    world.shares[FIRST, 1] = iter([0.9] * 9)
    found = bench.sit([(FIRST, 1)], 100, 3, bench.Patience(0))

    assert len(world.measured) == 4
    assert found[FIRST, 1]["disturbed"] == 4


def call(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, bench.__file__, *map(str, words)], capture_output=True, text=True
    )


def burn(processes: int) -> Sequence[subprocess.Popen[bytes]]:
    return [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]


def test_a_background_load_is_seen(tiny_run, tmp_path: Path) -> None:
    model = tiny_run.results.model_file("int8")
    target = tmp_path / "timings.json"
    load = burn(bench.usable_cores())
    try:
        done = call("--model", model, "--threads", 1, "--to", target, "--wait", 0)
    finally:
        for process in load:
            process.kill()
            process.wait()

    assert done.returncode == 0, done.stderr
    report = read_timings(target.read_bytes(), "t.json")
    if Path("/proc/stat").exists():
        assert "DISTURBED in 4 of 4 rounds" in done.stdout
        assert report.timings[0].disturbed == 4
        assert report.timings[0].others_share > 0.3
    else:
        assert "does not tell what other programs do" in done.stdout
        assert report.timings[0].others_share is None


def test_of_several_files_each_gets_its_own_timings(tiny_run, tmp_path: Path) -> None:
    names = ("a/m.tflite", "b/m.tflite", "int8.tflite")
    for name, variant in zip(names, ("float32", "int8_qat", "int8"), strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(tiny_run.results.model_file(variant), tmp_path / name)
    paths = [tmp_path / name for name in names]
    words = ("--threads", 1, "--to", tmp_path / "t.json", "--wait", 0)
    done = call("--model", *paths, paths[0], *words)

    assert done.returncode == 0, done.stderr
    for target, variant in (("t-m-1", "float32"), ("t-m-2", "int8_qat"), ("t-int8", "int8")):
        told = json.loads((tmp_path / f"{target}.json").read_text("utf-8"))
        assert told["file"]["sha256"] == tiny_run.results.variants[variant].file.sha256
        assert len(told["timings"][0]["samples_ms"]) == 100
    assert len(list(tmp_path.glob("*.json"))) == 3
