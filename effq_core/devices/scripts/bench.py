#!/usr/bin/env python3
"""Measures how long one photo takes on the device this program is copied to.

    pip install numpy ai-edge-litert
    python bench.py [--device NAME] [--threads 1 2 4] [--to timings.json] [--model FILE ...]

Writes a JSON file that EffQ Studio imports and charts beside its own host: Results, Speed, "On
other devices", or `effq timings import timings.json --run RUN`. Files and thread counts take
turns, each time in a process of its own that pays for its own cold start. Where the system tells
what other programs do, it waits for a quiet CPU, repeats what they disturbed and marks what stays
disturbed.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import platform
import re
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

try:
    import numpy as np
except ImportError as missing:
    sys.exit(f"{missing}. Install what is needed: pip install numpy ai-edge-litert")

FORMAT = "effq-device-timings"
VERSION = 2
ROUNDS = 4  # turns of each file and thread count
BUSY_SHARE = 0.10  # of all cores, used by others, disturbs; an idle desktop uses less than 0.05
PATIENCE = 120  # seconds spent on waiting for a quiet CPU and on repeating, in all
LEAST_INVOCATIONS = 100
MOST_INVOCATIONS = 10_000
MOST_WARMUP = 10_000
MOST_THREADS = 256
MOST_COUNTS = 8  # thread counts in one file
NAME_LENGTH = 80

_LOOK_SECONDS = 0.5  # least time to watch other programs: the system counts hundredths of a second

_RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
_LIBRARIES = ("ai-edge-litert", "tflite-runtime", "numpy")


class Problem(Exception):  # noqa: N818 - what a person reads, whoever is at fault
    """Something that cannot be used; the text names it and says why."""


def measure(path: Path, threads: int, invocations: int, warmup: int) -> dict[str, Any]:
    """Times a model in this process, which should have done nothing else: one round.

    Returns every sample in milliseconds, and the share of all cores others used, 0–1; ``None``
    where the system does not tell. Raises Problem if the file cannot be used.
    """
    make = _interpreter_class()
    others = Others()
    start = time.perf_counter_ns()
    try:
        interpreter = make(model_path=str(path), num_threads=threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise Problem(f"LiteRT cannot load {path}: {error}") from error
    load_ms = (time.perf_counter_ns() - start) / 1e6
    entry = interpreter.get_input_details()[0]
    interpreter.set_tensor(entry["index"], _noise(path, entry))

    def invoke() -> float:
        begin = time.perf_counter_ns()
        interpreter.invoke()
        return (time.perf_counter_ns() - begin) / 1e6

    first_invoke_ms = invoke()
    for _ in range(warmup):
        interpreter.invoke()
    samples = [invoke() for _ in range(invocations)]
    while others.seconds() < _LOOK_SECONDS:
        interpreter.invoke()
    return {
        "load_ms": load_ms,
        "first_invoke_ms": first_invoke_ms,
        "samples_ms": samples,
        "others_share": others.share(),
    }


class Others:
    """Processor time that is neither idle nor this process's, since this was made."""

    def __init__(self) -> None:
        self._begun, self._before, self._own = time.monotonic(), self._machine(), self._process()

    def seconds(self) -> float:
        """Returns for how long they have been watched."""
        return time.monotonic() - self._begun

    def share(self) -> float | None:
        """Returns the share of all cores they used, 0–1; ``None`` where the system is silent."""
        now, before = self._machine(), self._before
        if now is None or before is None or now[1] <= before[1]:
            return None
        used = now[0] - before[0] - (self._process() - self._own)
        return min(1.0, max(0.0, used / (now[1] - before[1])))

    @staticmethod
    def _machine() -> tuple[float, float] | None:
        """Returns seconds all cores were busy and seconds in all, since the start; Linux only."""
        words = _read("/proc/stat").partition("\n")[0].split()
        # user nice system idle iowait irq softirq steal; a guest's time is in user as well.
        if len(words) < 9 or words[0] != "cpu":
            return None
        ticks = [int(word) / os.sysconf("SC_CLK_TCK") for word in words[1:9]]
        return sum(ticks) - ticks[3] - ticks[4], sum(ticks)

    @staticmethod
    def _process() -> float:
        times = os.times()
        return times.user + times.system


class Patience:
    """Seconds that may still be spent on a quiet CPU."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds

    def wait(self) -> None:
        """Waits until other programs are quiet or nothing is left."""
        told = False
        while self.left > 0:
            others = Others()
            time.sleep(_LOOK_SECONDS)
            share = others.share()
            if not is_busy(share):
                return
            if not told:
                print(
                    f"Waiting for a quiet CPU: other programs use {100 * (share or 0):.0f} %.",
                    flush=True,
                )
                told = True
            self.left -= _LOOK_SECONDS


def is_busy(share: float | None) -> bool:
    """Returns whether others disturb; where the system does not tell, nobody knows."""
    return share is not None and share > BUSY_SHARE


def sit(
    jobs: list[tuple[Path, int]], invocations: int, warmup: int, patience: Patience
) -> dict[tuple[Path, int], dict[str, Any]]:
    """Measures files in turns: a slow minute slows all; ``warmup`` comes before each round."""
    rounds: dict[tuple[Path, int], list[dict[str, Any]]] = {job: [] for job in jobs}
    patience.wait()
    for number in range(ROUNDS):
        amount = invocations * (number + 1) // ROUNDS - invocations * number // ROUNDS
        for path, threads in jobs if number % 2 == 0 else jobs[::-1]:
            begun = time.monotonic()
            found = _in_own_process(path, threads, amount, warmup)
            while is_busy(found["others_share"]) and patience.left > 0:
                patience.left -= time.monotonic() - begun
                patience.wait()
                begun = time.monotonic()
                again = _in_own_process(path, threads, amount, warmup)
                found = min(found, again, key=lambda each: each["others_share"] or 0)
            rounds[path, threads].append(found)
    return {job: summary(job[1], warmup, found) for job, found in rounds.items()}


def summary(threads: int, warmup: int, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Puts a file's rounds at a thread count together; the cold start is the median round's."""
    samples = [sample for each in rounds for sample in each["samples_ms"]]
    shares = [each["others_share"] for each in rounds if each["others_share"] is not None]
    cold = sorted(rounds, key=lambda each: each["load_ms"] + each["first_invoke_ms"])
    middle = cold[(len(cold) - 1) // 2]
    return {
        "threads": threads,
        "warmup": warmup,
        "rounds": len(rounds),
        "disturbed": sum(map(is_busy, shares)),
        "others_share": max(shares, default=None),
        "load_ms": middle["load_ms"],
        "first_invoke_ms": middle["first_invoke_ms"],
        "cold_start_ms": middle["load_ms"] + middle["first_invoke_ms"],
        "median_ms": float(np.median(samples)),
        "mean_ms": float(np.mean(samples)),
        "p90_ms": float(np.percentile(samples, 90)),
        "p99_ms": float(np.percentile(samples, 99)),
        "min_ms": min(samples),
        "samples_ms": samples,
    }


def words(timing: dict[str, Any]) -> str:
    """Says what a file's timing comes to, and whether it was disturbed."""
    threads = timing["threads"]
    text = (
        f"{threads} thread{'s' if threads > 1 else ''}: "
        f"median {timing['median_ms']:.2f} ms, mean {timing['mean_ms']:.2f} ms, "
        f"90 % within {timing['p90_ms']:.2f} ms, 99 % within {timing['p99_ms']:.2f} ms, "
        f"cold start {timing['cold_start_ms']:.0f} ms"
    )
    if not timing["disturbed"]:
        return text
    share = timing["others_share"] or 0
    return (
        f"{text}\n  DISTURBED in {timing['disturbed']} of {timing['rounds']} rounds: "
        f"other programs used up to {100 * share:.0f} % of the CPU. "
        "Close them and measure again."
    )


def describe(path: Path, device: str, timings: list[dict[str, Any]]) -> dict[str, Any]:
    """Makes the document EffQ Studio imports; an unnamed device is called what its system is."""
    content = path.read_bytes()
    return {
        "format": FORMAT,
        "version": VERSION,
        "device": _clean(device) or device_name(),
        "measured": int(time.time()),
        "file": {
            "name": _clean(path.name),
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        },
        "machine": {
            "cpu": cpu_name(),
            "architecture": _clean(platform.machine()) or "unknown",
            "cores": usable_cores(),
            "system": _clean(f"{platform.system()} {platform.release()}") or "unknown",
            "python": _clean(platform.python_version()),
            "governor": _clean(_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
        },
        "versions": _versions(),
        "timings": timings,
    }


def device_name() -> str:
    """Says what this device calls itself. Not its host name: that is its owner's business."""
    for place in ("/proc/device-tree/model", "/sys/devices/virtual/dmi/id/product_name"):
        name = _clean(_read(place))
        if name:
            return name
    return _clean(f"{platform.system()} {platform.machine()}") or "unnamed device"


def cpu_name() -> str:
    """Names the processor."""
    line = re.search(
        r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE
    )
    if line:
        return _clean(line.group(1))
    if platform.system() == "Darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        if told.stdout.strip():
            return _clean(told.stdout)
    return _clean(platform.processor() or platform.machine()) or "unknown"


def usable_cores() -> int:
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _noise(path: Path, entry: dict[str, Any]) -> Any:
    """Returns an input of noise: zeros can be faster than any photo."""
    shape = tuple(int(side) for side in entry["shape"])
    if len(shape) != 4 or shape[0] != 1 or shape[1] != shape[2] or shape[3] not in (1, 3):
        raise Problem(f"{path} is not an image classifier: its input is {shape}.")
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    dtype = np.dtype(entry["dtype"])
    if dtype == np.float32:
        return pixels.astype(np.float32)
    scale, zero_point = entry["quantization"]
    if dtype.kind not in "iu" or not scale:
        raise Problem(f"{path} takes {dtype} input without a scale.")
    bounds = np.iinfo(dtype)
    return np.clip(np.rint(pixels / scale) + zero_point, bounds.min, bounds.max).astype(dtype)


def check_version(path: Path) -> None:
    """Refuses a model that the installed LiteRT cannot run, and warns where it is slow.

    input.json beside the model names the versions, if it needs any. Raises Problem.
    """
    beside = path.with_name("input.json")
    if not beside.is_file():
        return
    try:
        need = json.loads(beside.read_text(encoding="utf-8")).get("litert")
        runs, fast = (need["runs"], need["fast"]) if need else ("0", "0")
        least, enough = _numbers(runs), _numbers(fast)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Problem(f"{beside} cannot be read: {error}.") from error
    advice = f"pip install 'ai-edge-litert>={fast}'"
    found = _installed()
    if not need or found is None:
        return
    name, version = found
    if name != "ai-edge-litert" or _numbers(version) < least:
        raise Problem(
            f"{name} {version} cannot run {path.name}: it needs ai-edge-litert {runs} or later. "
            f"Install it: {advice}"
        )
    if _numbers(version) < enough:
        print(
            f"{name} {version} runs {path.name} slowly: ai-edge-litert {fast} or later is fast. "
            f"Install it: {advice}",
            file=sys.stderr,
        )


def _installed() -> tuple[str, str] | None:
    """Returns name and version of the LiteRT that is used; ``None`` where there is none."""
    for module in _RUNTIMES:
        name = module.partition(".")[0].replace("_", "-")
        try:
            importlib.import_module(module)
            return name, metadata.version(name)
        except (ImportError, metadata.PackageNotFoundError):
            continue
    return None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _interpreter_class() -> Any:
    for name in _RUNTIMES:
        try:
            return importlib.import_module(name).Interpreter
        except ImportError:
            continue
    raise Problem("LiteRT is not installed: pip install ai-edge-litert")


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = _clean(metadata.version(name))
        except metadata.PackageNotFoundError:
            continue
    return found


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _clean(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:NAME_LENGTH].strip()


def _in_own_process(path: Path, threads: int, invocations: int, warmup: int) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).resolve()), "--model", str(path), "--probe"]
    command += ["--threads", str(threads), "--invocations", str(invocations)]
    command += ["--warmup", str(warmup)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    if told.returncode != 0:
        lines = told.stderr.strip().splitlines()
        why = lines[-1] if lines else f"exit code {told.returncode}"
        raise Problem(f"Measuring {path.name} with {threads} threads failed: {why}")
    measured: dict[str, Any] = json.loads(told.stdout)
    return measured


def _write(path: Path, document: dict[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise Problem(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        if draft.exists():
            draft.unlink()


def _only_model(folder: Path) -> Path:
    found = sorted(folder.glob("*.tflite"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise Problem(f"One .tflite file belongs into {folder}, there is: {names}. Use --model.")
    return found[0]


def _target(path: Path, paths: list[Path], to: Path) -> Path:
    """Names the file a model's timings are written to: of several models, each has its own."""
    if len(paths) == 1:
        return to
    same = [each for each in paths if each.stem == path.stem]
    number = f"-{same.index(path) + 1}" if len(same) > 1 else ""
    return to.with_name(f"{to.stem}-{path.stem}{number}{to.suffix}")


def _within(low: int, high: int) -> Any:
    def number(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is not between {low} and {high}")
        return value

    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Measure the model's latency on this device.")
    parser.add_argument("--device", default="", metavar="NAME", help="what to call this device")
    parser.add_argument(
        "--threads",
        type=_within(1, MOST_THREADS),
        nargs="+",
        default=[count for count in (1, 2, 4) if count <= usable_cores()],
        metavar="N",
        help="thread counts to measure; by default 1, 2 and 4, up to the cores there are",
    )
    parser.add_argument(
        "--invocations",
        type=_within(1, MOST_INVOCATIONS),
        default=LEAST_INVOCATIONS,
        metavar="N",
        help=f"timed invocations, {LEAST_INVOCATIONS} or more",
    )
    parser.add_argument("--warmup", type=_within(0, MOST_WARMUP), default=10, metavar="N")
    parser.add_argument("--to", type=Path, default=Path("timings.json"), metavar="FILE")
    parser.add_argument(
        "--model",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="the .tflite files, measured in turns; by default the one beside me",
    )
    parser.add_argument(
        "--wait",
        type=_within(0, 86_400),
        default=PATIENCE,
        metavar="SECONDS",
        help=f"how long to wait for a quiet CPU and repeat, by default {PATIENCE}; 0: measure now",
    )
    parser.add_argument("--probe", action="store_true", help=argparse.SUPPRESS)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Measures as a command line says; returns 0 if the file is written, else 1."""
    parser = _parser()
    choices = parser.parse_args(arguments)
    counts = sorted(set(choices.threads))
    if len(counts) > MOST_COUNTS:
        parser.error(f"at most {MOST_COUNTS} thread counts fit into one file")
    if choices.invocations < LEAST_INVOCATIONS and not choices.probe:
        parser.error(f"--invocations takes {LEAST_INVOCATIONS} to {MOST_INVOCATIONS}")
    cores = usable_cores()
    if counts[-1] > cores:
        parser.error(
            f"{counts[-1]} threads would have to share {cores} core{'s' if cores > 1 else ''} of "
            f"this machine; --threads takes 1 to {cores} here"
        )
    try:
        paths = choices.model or [_only_model(Path(__file__).resolve().parent)]
        for path in paths:
            if not path.is_file():
                raise Problem(f"There is no file {path}.")
            if not choices.probe:
                check_version(path)
        if choices.probe:
            print(json.dumps(measure(paths[0], counts[0], choices.invocations, choices.warmup)))
            return 0
        _bench(paths, counts, choices)
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _bench(paths: list[Path], counts: list[int], choices: argparse.Namespace) -> None:
    paths = list(dict.fromkeys(path.resolve() for path in paths))
    if Others._machine() is None:
        print("This system does not tell what other programs do: close them first.")
    jobs = [(path, threads) for path in paths for threads in counts]
    found = sit(jobs, choices.invocations, choices.warmup, Patience(choices.wait))
    for path in paths:
        target = _target(path, paths, choices.to)
        if len(paths) > 1:
            print(f"{path.name}:")
        timings = [found[path, threads] for threads in counts]
        print("\n".join(map(words, timings)))
        document = describe(path, choices.device, timings)
        _write(target, document)
        print(f"{document['device']}: written to {target}.")


if __name__ == "__main__":
    sys.exit(main())
