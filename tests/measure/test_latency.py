from __future__ import annotations

import dataclasses
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from effq_core.base.errors import Cancelled, ExperimentError, ModelError, StageError
from effq_core.base.hardware import describe
from effq_core.base.reporting import SilentReporter
from effq_core.measure import sitting
from effq_core.measure.latency import LatencyReport, Measured, busy_warning, summarize
from effq_core.measure.others import BUSY_SHARE, OtherProcesses
from effq_core.measure.sitting import probe
from tests.measure.timed_files import measured


def measure_latency(
    path: Path, threads: int, *, invocations: int = 100, warmup: int = 10, reporter=None
) -> LatencyReport:
    found = probe(path, [threads], invocations=invocations, warmup=warmup, reporter=reporter)
    return summarize({1: found[0]}, warmup=warmup)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_report_is_complete_and_in_order(models: dict[str, Path], threads: int) -> None:
    report = measure_latency(models["int8"], threads, invocations=30, warmup=3)
    assert len(report.samples_ms) == 30
    assert (report.threads, report.warmup) == (threads, 3)
    assert 0 < report.min_ms <= report.median_low_ms <= report.median_ms <= report.median_high_ms
    assert report.median_ms <= report.p90_ms <= report.p99_ms <= max(report.samples_ms)
    assert report.mean_ms == pytest.approx(np.mean(report.samples_ms))
    assert report.images_per_second == pytest.approx(1000 / report.median_ms)
    assert report.cold_start_ms == pytest.approx(report.load_ms + report.first_invoke_ms)
    assert 0 <= report.others_share <= 1
    assert bool(report.warning) == (report.others_share > BUSY_SHARE)
    assert report.hardware == describe()
    assert LatencyReport.from_dict(report.to_dict()) == report


def test_memory_is_the_models_and_not_the_starting_process_s(models: dict[str, Path]) -> None:
    ballast = np.ones(400_000_000, np.uint8)  # a child would inherit this in ru_maxrss
    report = measure_latency(models["float32"], 1, invocations=2, warmup=0)
    assert ballast.nbytes == 400_000_000
    assert 200 < report.peak_memory_kib < 100_000


def test_numbers_follow_from_the_samples() -> None:
    counted = Measured(
        threads=4,
        samples_ms=tuple(float(v) for v in range(100, 0, -1)),
        load_ms=2.0,
        first_invoke_ms=3.0,
        peak_memory_kib=7,
        others_share=0.5,
    )
    report = summarize({1: counted}, warmup=1)
    assert (report.mean_ms, report.median_ms, report.min_ms) == (50.5, 50.5, 1.0)
    assert (report.median_low_ms, report.median_high_ms) == (40.0, 61.0)
    assert (report.p90_ms, report.p99_ms) == (pytest.approx(90.1), pytest.approx(99.01))
    assert report.std_ms == pytest.approx(29.011492)
    assert (report.cold_start_ms, report.images_per_second) == (5.0, pytest.approx(1000 / 50.5))
    assert "50 %" in report.warning


def test_what_is_cold_is_of_processes_that_began_with_the_thread_count() -> None:
    cold = Measured(
        threads=2,
        samples_ms=(4.0, 4.0),
        load_ms=30.0,
        first_invoke_ms=9.0,
        peak_memory_kib=5000,
        others_share=0.02,
    )
    warm = dataclasses.replace(
        cold, load_ms=1.0, first_invoke_ms=4.0, peak_memory_kib=10, others_share=0.3, first=False
    )
    report = summarize({1: warm, 2: cold, 3: warm}, warmup=1, sitting="s")
    assert (report.load_ms, report.cold_start_ms, report.peak_memory_kib) == (30.0, 39.0, 5000)
    assert report.others_share == 0.3 and report.disturbed and "30 %" in report.warning
    assert [each.disturbed for each in report.rounds] == [True, False, True]
    assert report.round_medians() == {1: 4.0, 2: 4.0, 3: 4.0}


def test_a_report_of_before_has_no_rounds_and_is_read() -> None:
    report = summarize({1: measured(3.0, share=0.2)}, warmup=1)
    plain = report.to_dict()
    del plain["rounds"], plain["sitting"]
    assert LatencyReport.from_dict(plain) == report
    assert report.disturbed and report.rounds == ()


def test_one_process_times_all_thread_counts(models: dict[str, Path]) -> None:
    found = probe(models["int8"], [2, 1], invocations=5, warmup=1)
    assert [each.threads for each in found] == [2, 1]
    assert [each.first for each in found] == [True, False]
    assert all(len(each.samples_ms) == 5 and min(each.samples_ms) > 0 for each in found)


def test_a_busy_machine_is_seen() -> None:
    assert busy_warning(BUSY_SHARE) == ""
    assert "11 %" in busy_warning(0.11)
    watch = OtherProcesses()
    spin = "import time; end = time.time() + 0.8\nwhile time.time() < end: pass"
    subprocess.run([sys.executable, "-c", spin], check=True)
    cores = psutil.cpu_count() or 1
    assert watch.share() > 0.5 / cores


def test_bad_files_are_the_users_error(tmp_path: Path, damage: Callable[[bytes], Path]) -> None:
    with pytest.raises(ModelError, match=r"nowhere\.tflite") as caught:
        measure_latency(tmp_path / "nowhere.tflite", 1)
    assert caught.value.hint
    with pytest.raises(ModelError, match=r"damaged\.tflite"):
        measure_latency(damage(b"TFL3 but not really"), 1)


def test_a_crash_of_the_measuring_process_is_told(models: dict[str, Path]) -> None:
    class Kill(SilentReporter):
        asked = 0

        def check_cancelled(self) -> None:
            self.asked += 1
            if self.asked == 3:
                # The browser of other tests may be a child, too.
                (probe,) = (
                    child
                    for child in psutil.Process().children()
                    if "effq_core.measure.latency_probe" in child.cmdline()
                )
                probe.kill()

    with pytest.raises(StageError, match=r"int8\.tflite failed with exit code -9: "):
        measure_latency(models["int8"], 1, invocations=10_000_000, reporter=Kill())


def test_an_error_of_the_measuring_process_is_quoted(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitting, "PROBE", "effq_core.measure.no_such_module")
    with pytest.raises(StageError, match=r"exit code 1: .*no_such_module"):
        measure_latency(models["int8"], 1)


@pytest.mark.parametrize(("threads", "invocations", "warmup"), [(0, 9, 1), (1, 1, 1), (1, 9, -1)])
def test_impossible_settings_are_refused(
    models: dict[str, Path], threads: int, invocations: int, warmup: int
) -> None:
    with pytest.raises(ExperimentError):
        measure_latency(models["int8"], threads, invocations=invocations, warmup=warmup)


def test_cancelling_ends_the_measuring_process(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[str]] = []
    popen = subprocess.Popen

    def remember(*args: object, **kwargs: object) -> subprocess.Popen[str]:
        started.append(popen(*args, **kwargs))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(sitting.subprocess, "Popen", remember)

    class Stop(SilentReporter):
        asked = 0

        def check_cancelled(self) -> None:
            self.asked += 1
            if self.asked == 3:
                raise Cancelled("Stopped.")

    begin = time.monotonic()
    with pytest.raises(Cancelled):
        measure_latency(models["float32"], 1, invocations=10_000_000, reporter=Stop())
    assert time.monotonic() - begin < 60
    assert started[0].poll() is not None
    assert not psutil.pid_exists(started[0].pid)


def test_the_workers_allocator_settings_do_not_reach_the_measurement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "34359738368")
    code = "import os; print(os.environ.get('MALLOC_TRIM_THRESHOLD_'))"
    assert sitting._run([sys.executable, "-c", code], SilentReporter())[0].strip() == "None"


def test_a_report_is_frozen(models: dict[str, Path]) -> None:
    report = measure_latency(models["int8"], 1, invocations=2, warmup=0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.mean_ms = 0.0  # type: ignore[misc]
