"""The process that opens a stranger's model: ``python -P -m effq_core.intake.worker FOLDER``."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from effq_core.intake import landlock, steps
from effq_core.intake.steps import Step, StepState

if TYPE_CHECKING:
    from effq_core.intake.files import ModelFile

# Nothing heavy may be imported above: it would be there before the rights are given up.
_TRUSTED = ("/usr", "/lib", "/lib64", "/bin", "/opt")
_INSTALLED = ("site-packages", "dist-packages")  # folders that ``.pth`` files may name
_SYSTEM = (
    *("/etc/ld.so.cache", "/etc/localtime", "/proc/self", "/proc/cpuinfo", "/proc/meminfo"),
    *("/proc/stat", "/proc/sys/vm", "/sys/devices/system/cpu", "/sys/fs/cgroup", "/dev/urandom"),
)
_MAX_OUTPUT = 4 << 30


def main(folder: Path) -> int:
    """Checks the upload in a folder's ``in/``; returns 0, also where its report says no."""
    if not landlock.die_with_parent() and sys.platform.startswith("linux"):
        return 4
    request = json.loads((folder / steps.IN / steps.REQUEST_FILE).read_text(encoding="utf-8"))
    landlock.limit_resources(
        memory=request["address_space"], seconds=request["cpu_seconds"], file_bytes=_MAX_OUTPUT
    )
    package = Path(__file__).resolve().parents[2]
    installed = [each for each in sys.path if Path(each).name in _INSTALLED]
    programs = [Path(each) for each in (*_TRUSTED, sys.prefix, sys.base_prefix, *installed)]
    system = [Path(each) for each in _SYSTEM]
    enforced = landlock.restrict(
        readable=[*programs, package / "effq_core", *system, folder / steps.IN],
        writable=[folder / steps.OUT, folder / steps.SCRATCH, Path("/dev/null")],
    )
    return _check(folder, request, enforced)


def _check(folder: Path, request: dict[str, Any], enforced: tuple[str, ...]) -> int:
    from effq_core.base.errors import EffqError

    out = folder / steps.OUT
    try:
        file, facts = _look(folder)
        if file.format == "tflite":
            from effq_core.intake.checking_tflite import check_tflite

            found = check_tflite(folder, request)
            return _report(out, {**found, **facts, "file_format": found["input_type"]}, enforced)
        # TensorFlow takes seconds to import: a file that is refused as data need not wait for it.
        from effq_core.intake.checking import Check

        report = {**Check(folder, request, file).run(), **facts}
    except EffqError as error:
        fail(out, error.message, error.hint)
        return 0
    except MemoryError:
        fail(out, "The model needs more memory than a check may take.", _SMALLER)
        return 0
    except Exception as error:
        logging.exception("The check failed")
        text = (str(error).strip().splitlines() or [""])[0][:300]
        fail(out, f"The check failed ({type(error).__name__}): {text}", _REPORT)
        return 0
    return _report(out, report, enforced)


def _report(out: Path, report: dict[str, Any], enforced: tuple[str, ...]) -> int:
    plain = {**report, "enforced": list(enforced)}
    (out / steps.REPORT_FILE).write_text(json.dumps(plain), encoding="ascii")
    return 0


def _look(folder: Path) -> tuple[ModelFile, dict[str, Any]]:
    """Reads the file as data and looks for code in it, before anything could run it."""
    from effq_core.base import formatting as fmt
    from effq_core.intake.files import Format, read_file
    from effq_core.models.own.vocabulary import NEVER_BUILT, check_config

    out, upload = folder / steps.OUT, folder / steps.IN / steps.UPLOAD_FILE
    size = upload.stat().st_size
    with steps.under_way(out, "Read the file as data") as step:
        with upload.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        file = read_file(upload, folder / steps.SCRATCH)
        step.detail = f"{file.title}, {fmt.size(size)}."
    with steps.under_way(out, "Look for code in it") as step:
        if file.format is Format.TFLITE:
            step.detail = "A list of operators; only LiteRT's own are run."
        elif file.format is Format.SAVED_MODEL:
            step.detail = "A graph: its operators are looked at before anything is run."
        else:
            layers = check_config(
                file.config, NEVER_BUILT if file.format is Format.KERAS else frozenset()
            )
            step.detail = f"{fmt.counted(layers, 'layer')}, all of them Keras' own; no code."
    return file, {"file_sha256": digest, "file_bytes": size, "file_format": file.title}


def fail(out: Path, message: str, hint: str) -> None:
    """Ends the step under way as failed."""
    running = [each for each in steps.read(out) if each.state is StepState.RUNNING]
    title = running[-1].title if running else "Start"
    steps.append(out, Step(title, StepState.FAILED, message, hint))


_REPORT = (
    "Save it with model.save('model.keras') and add that file; if that fails as well, report this."
)
_SMALLER = "Choose a smaller model or input size."

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
