"""Reading what a bundle's ``bench.py`` wrote."""

import hashlib
import json
import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from effq_core.base import formatting as fmt
from effq_core.base.errors import InputError
from effq_core.base.intervals import median_interval
from effq_core.base.plain import Plain
from effq_core.devices.scripts import bench
from effq_core.devices.timing_fields import Fields, Unfit, milliseconds, parse, short_text

MAX_BYTES = 4 * 2**20  # largest file read: eight thread counts of 10,000 samples fit
_LATEST = 2**33  # year 2242, in seconds since 1970
_MOST_LIBRARIES = 10
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TOP = ("format", "version", "device", "measured", "file", "machine", "versions", "timings")
_MACHINE = ("cpu", "architecture", "cores", "system", "python", "governor")
_MEASURED = ("load_ms", "first_invoke_ms")
_CALM = ("rounds", "disturbed", "others_share")  # since version 2
_READ = (1, bench.VERSION)
_DERIVED = ("cold_start_ms", "median_ms", "mean_ms", "p90_ms", "p99_ms", "min_ms")  # of samples


@dataclass(frozen=True, kw_only=True)
class DeviceTiming:
    """A file's latency on a device at one thread count. Times are in milliseconds."""

    threads: int
    warmup: int  # invocations before the timed ones, of which there are ``n``
    n: int
    median_ms: float
    median_low_ms: float  # lower end of the median's distribution-free 95 % interval
    median_high_ms: float
    mean_ms: float
    p90_ms: float
    p99_ms: float
    min_ms: float
    load_ms: float  # opening the file and preparing its tensors
    first_invoke_ms: float
    cold_start_ms: float  # that and the first invocation together
    rounds: int = 1  # turns the invocations were measured in, each in a process of its own
    disturbed: int = 0  # of these, how many other programs disturbed
    others_share: float | None = None  # most they used of all cores in a round, 0–1, where known

    @property
    def disturbance(self) -> str:
        """Says what speaks against the timing; empty where nothing does."""
        if self.others_share is None:
            return "not checked for other programs"
        if not self.disturbed:
            return ""
        return f"disturbed: other programs used up to {100 * self.others_share:.0f} % of the CPU"


@dataclass(frozen=True, kw_only=True)
class DeviceReport(Plain):
    """What one import holds: a file's latencies on a device."""

    id: str  # made from the content: the same file imported twice is one report
    device: str  # its name; one line of printable characters
    measured: int  # when, in seconds since 1970, by the device's clock
    sha256: str  # of the ``.tflite`` file
    cpu: str
    architecture: str  # such as ``aarch64``
    cores: int  # cores the process could use
    system: str
    python: str
    governor: str  # the Linux frequency governor; empty where it is not known
    versions: dict[str, str]
    timings: tuple[DeviceTiming, ...]  # one a thread count, ascending

    def timing(self, threads: int) -> DeviceTiming | None:
        """Returns the timing at a thread count, if it was measured."""
        return next((timing for timing in self.timings if timing.threads == threads), None)

    @property
    def is_disturbed(self) -> bool:
        """Whether other programs disturbed a timing of it."""
        return any(timing.disturbed for timing in self.timings)


def read_bounded(path: Path) -> bytes:
    """Reads a file of a size that ``bench.py`` may write, or raises InputError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}.", "Name the file bench.py wrote."
        ) from error
    if len(content) > MAX_BYTES:
        raise _too_large(str(path))
    return content


def read_timings(content: bytes, name: str) -> DeviceReport:
    """Reads what ``bench.py`` wrote, believing nothing, or raises InputError, which says where."""
    if len(content) > MAX_BYTES:
        raise _too_large(name)
    try:
        return _report(Fields(parse(content), "the file"))
    except Unfit as error:
        raise InputError(
            f"{name} is not what bench.py writes: {error}.",
            "Run the bundle's bench.py on the device again and import its file as it is.",
        ) from error


def _too_large(name: str) -> InputError:
    return InputError(
        f"{name} is larger than {fmt.size(MAX_BYTES)}, the most timings take.",
        "Import the file that bench.py wrote.",
    )


def _report(top: Fields) -> DeviceReport:
    # What it is comes first: another JSON file gets a message that says so.
    if top.only(*_TOP).get("format") != bench.FORMAT:
        raise Unfit("it is of another format")
    version = top.whole("version", 1, 2**31)
    if version not in _READ:
        raise Unfit(f"its version is not {' or '.join(map(str, _READ))}, which this EffQ reads")
    file = Fields(top.get("file"), "file").only("name", "bytes", "sha256")
    file.text("name")
    file.whole("bytes", 1, 2**40)
    sha256 = file.get("sha256")
    if type(sha256) is not str or not _SHA256.fullmatch(sha256):
        raise Unfit("sha256 of file is not 64 hexadecimal digits")
    machine = Fields(top.get("machine"), "machine").only(*_MACHINE)
    timings = top.get("timings")
    if type(timings) is not list or not 1 <= len(timings) <= bench.MOST_COUNTS:
        raise Unfit(f"timings is not a list of 1 to {bench.MOST_COUNTS}")
    read = sorted(
        (_timing(timing, version) for timing in timings), key=lambda timing: timing.threads
    )
    if len({timing.threads for timing in read}) != len(read):
        raise Unfit("a thread count is there twice")
    plain: dict[str, Any] = {
        "device": top.text("device"),
        "measured": top.whole("measured", 0, _LATEST),
        "sha256": sha256,
        **{key: machine.text(key) for key in ("cpu", "architecture", "system", "python")},
        "cores": machine.whole("cores", 1, 65_536),
        "governor": machine.text("governor", least=0),
        "versions": _versions(top.get("versions")),
    }
    # Without what version 1 does not have: its files keep the identity they were imported with.
    left_out = _CALM if version == 1 else ()
    kept = [{k: v for k, v in asdict(timing).items() if k not in left_out} for timing in read]
    canonical = json.dumps([plain, kept], sort_keys=True)
    identity = hashlib.sha256(canonical.encode()).hexdigest()[:16]
    return DeviceReport(**plain, id=identity, timings=tuple(read))


def _timing(value: Any, version: int) -> DeviceTiming:
    fields = Fields(value, "a timing")
    more = () if version == 1 else _CALM
    fields.only("threads", "warmup", *more, *_MEASURED, *_DERIVED, "samples_ms")
    raw = fields.get("samples_ms")
    if type(raw) is not list or not bench.LEAST_INVOCATIONS <= len(raw) <= bench.MOST_INVOCATIONS:
        raise Unfit(
            f"samples_ms is not a list of {bench.LEAST_INVOCATIONS} to {bench.MOST_INVOCATIONS:,}"
        )
    samples = [milliseconds(sample, "a sample") for sample in raw]
    low, high = median_interval(samples)
    load, first = (fields.ms(key) for key in _MEASURED)
    timing = DeviceTiming(
        threads=fields.whole("threads", 1, bench.MOST_THREADS),
        warmup=fields.whole("warmup", 0, bench.MOST_WARMUP),
        n=len(samples),
        median_ms=float(np.median(samples)),
        median_low_ms=low,
        median_high_ms=high,
        mean_ms=float(np.mean(samples)),
        p90_ms=float(np.percentile(samples, 90)),
        p99_ms=float(np.percentile(samples, 99)),
        min_ms=min(samples),
        load_ms=load,
        first_invoke_ms=first,
        cold_start_ms=load + first,
        **({} if version == 1 else _calm(fields)),
    )
    for key in _DERIVED:
        # Another numpy may round the last digits differently; more than that was edited.
        if not math.isclose(fields.ms(key), getattr(timing, key), rel_tol=1e-6):
            raise Unfit(f"{key} does not follow from the samples")
    return timing


def _calm(fields: Fields) -> dict[str, Any]:
    share = fields.get("others_share")
    if share is not None and (type(share) not in (int, float) or not 0 <= share <= 1):
        raise Unfit("others_share of a timing is neither null nor a share from 0 to 1")
    rounds = fields.whole("rounds", 1, bench.MOST_INVOCATIONS)
    disturbed = fields.whole("disturbed", 0, rounds)
    if bool(disturbed) != bench.is_busy(share):
        raise Unfit("disturbed does not follow from others_share")
    return {"rounds": rounds, "disturbed": disturbed, "others_share": share}


def _versions(value: Any) -> dict[str, str]:
    fields = Fields(value, "versions")
    names = list(value)
    if len(names) > _MOST_LIBRARIES:
        raise Unfit(f"versions names more than {_MOST_LIBRARIES} libraries")
    return {short_text(name, "a library"): fields.text(name) for name in names}
