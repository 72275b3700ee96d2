"""What a measurement ran on: processor, memory, operating system and library versions."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from effq_core.base.plain import Plain

RELEVANT_FLAGS = {
    # x86: what XNNPACK chooses its kernels by.
    **{name: name for name in ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")},
    # Arm: the kernel's names and what people call them.
    **{"neon": "neon", "asimd": "neon", "asimddp": "neon_dotprod", "i8mm": "neon_i8mm"},
    **{"fphp": "neon_fp16", "asimdhp": "neon_fp16"},
}
"""Processor flags that decide which integer and float kernels run, by the kernel's name."""

LIBRARIES = (
    *("effq-studio", "ai-edge-litert", "tensorflow", "tf_keras", "tensorflow-model-optimization"),
    *("numpy", "scipy", "pillow", "dask", "distributed", "streamlit"),
)
"""Distributions whose version can change a result."""

_CPUINFO = Path("/proc/cpuinfo")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


@dataclass(frozen=True, kw_only=True)
class Hardware(Plain):
    """The machine a measurement was taken on."""

    cpu: str
    architecture: str  # for example ``x86_64`` or ``arm64``
    logical_cores: int
    physical_cores: int | None  # cores; ``None`` where the system does not tell
    memory_bytes: int  # main memory in bytes
    system: str  # operating system and its release
    python: str
    flags: tuple[str, ...] = ()  # instruction sets that matter to quantized kernels, sorted
    governor: str | None = None  # the Linux frequency governor; ``None`` where it cannot be read


def usable_cores() -> int:
    """Returns how many logical cores this process may use: a container may have fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe() -> Hardware:
    """Describes this machine; what cannot be read is ``None`` or empty."""
    cpuinfo = _read(_CPUINFO) or ""
    return Hardware(
        cpu=_cpu_name(cpuinfo),
        architecture=platform.machine(),
        logical_cores=usable_cores(),
        physical_cores=psutil.cpu_count(logical=False),
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        flags=relevant_flags(cpuinfo),
        governor=_read(_GOVERNOR),
    )


def library_versions(also: Iterable[str] = ()) -> dict[str, str]:
    """Reads versions by name of :data:`LIBRARIES` and others that are installed, importing none."""
    versions = {}
    for name in dict.fromkeys((*LIBRARIES, *also)):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def relevant_flags(cpuinfo: str) -> tuple[str, ...]:
    """Picks the instruction sets that matter to quantized kernels from ``/proc/cpuinfo``."""
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", cpuinfo, re.MULTILINE)
    present = line.group(1).split() if line else []
    return tuple(sorted({RELEVANT_FLAGS[flag] for flag in present if flag in RELEVANT_FLAGS}))


def _cpu_name(cpuinfo: str) -> str:
    line = re.search(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    if line:
        return line.group(1).strip()
    if platform.system() == "Darwin":  # platform.processor() says only "arm" there
        answer = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"],
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.stdout.strip():
            return answer.stdout.strip()
    return platform.processor() or platform.machine() or "unknown"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
