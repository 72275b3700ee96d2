"""``bench.py``: what it measures and writes, as a person calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from effq_core.devices.scripts import bench
from effq_core.devices.timing_file import read_timings


def call(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, folder / "bench.py", *map(str, words)], capture_output=True, text=True
    )


def test_each_thread_count_is_measured_and_written(tiny_run, unpacked, tmp_path: Path) -> None:
    target = tmp_path / "timings.json"
    most = min(2, bench.usable_cores())
    words = ["--device", " Board\t5\x07 ", "--threads", most, 1, most, "--invocations", 110]
    done = call(unpacked["int8"], *words, "--warmup", 3, "--to", target, "--wait", 0)

    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["timings.json"]
    told = json.loads(target.read_text("utf-8"))
    assert told["device"] == "Board 5"
    assert told["file"]["sha256"] == tiny_run.results.variants["int8"].file.sha256
    assert [timing["threads"] for timing in told["timings"]] == sorted({1, most})
    for timing in told["timings"]:
        samples = timing["samples_ms"]
        assert len(samples) == 110 and timing["warmup"] == 3 and min(samples) > 0
        assert timing["rounds"] == 4
        assert timing["median_ms"] == np.median(samples)
        assert timing["mean_ms"] == np.mean(samples)
        assert timing["p90_ms"] == np.percentile(samples, 90)
        assert timing["p99_ms"] == np.percentile(samples, 99)
        assert timing["cold_start_ms"] == timing["load_ms"] + timing["first_invoke_ms"]
        assert f"median {timing['median_ms']:.2f} ms" in done.stdout
    report = read_timings(target.read_bytes(), "timings.json")
    assert {timing.n for timing in report.timings} == {110}


def test_without_a_name_the_device_says_what_it_is(monkeypatch) -> None:
    places = {"/proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0"}
    monkeypatch.setattr(bench, "_read", lambda path: places.get(path, ""))
    assert bench.device_name() == "Raspberry Pi 5 Model B Rev 1.0"

    places.clear()
    assert bench.device_name() == bench._clean(
        f"{bench.platform.system()} {bench.platform.machine()}"
    )
    assert bench.platform.node() not in bench.device_name()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--invocations", 99], "takes 100 to 10000"),
        (["--threads", 0], "between 1 and 256"),
        (["--threads", *range(1, 10)], "at most 8 thread counts"),
        (
            ["--threads", 1, bench.usable_cores() + 1],
            f"{bench.usable_cores() + 1} threads would have to share {bench.usable_cores()} core",
        ),
    ],
)
def test_too_little_or_too_much_is_wrong_usage(unpacked, words, reason: str) -> None:
    done = call(unpacked["int8"], *words)

    assert done.returncode == 2 and reason in done.stderr


def test_files_that_cannot_be_used_are_named_and_nothing_is_written(
    unpacked, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"not a model")
    target = tmp_path / "timings.json"

    for words, reason in (
        (["--model", broken], "cannot load"),
        (["--model", tmp_path / "gone.tflite"], "There is no file"),
        (["--to", tmp_path / "no" / "where.json", "--threads", 1], "cannot be written"),
    ):
        done = call(unpacked["int8"], "--wait", 0, "--to", target, *words)
        assert done.returncode == 1 and reason in done.stderr
        assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["broken.tflite"]


def test_the_input_is_noise_written_the_way_the_file_wants_it(unpacked) -> None:
    shape = np.array([1, 8, 8, 3])
    plain = bench._noise(Path("x"), {"shape": shape, "dtype": np.float32})
    whole = bench._noise(Path("x"), {"shape": shape, "dtype": np.int8, "quantization": (1.0, -128)})

    assert plain.dtype == np.float32 and whole.dtype == np.int8
    np.testing.assert_array_equal(plain - 128, whole.astype(np.float32))
    assert len(np.unique(whole)) > 50
    with pytest.raises(bench.Problem, match="not an image classifier"):
        bench._noise(Path("x"), {"shape": np.array([1, 10]), "dtype": np.float32})
