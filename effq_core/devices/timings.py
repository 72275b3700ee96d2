"""Latencies measured on other devices, kept beside the runs."""

import re
from pathlib import Path

from effq_core.base.errors import InputError
from effq_core.base.files import make_folder, read_json, remove_file, store_errors, write_json
from effq_core.base.settings import Home
from effq_core.devices.timing_file import DeviceReport, read_timings
from effq_core.results import Results

MOST_KEPT = 50  # timings kept of one file: a served dashboard's visitors must not fill its disk
_ID = re.compile(r"[0-9a-f]{16}")


def import_timings(home: Home, results: Results, content: bytes, name: str) -> DeviceReport:
    """Checks what ``bench.py`` wrote and keeps it; may raise InputError or StoreError."""
    report = read_timings(content, name)
    if variant_of(results, report) is None:
        raise InputError(
            f"{name} has timings of another file than this run's variants "
            f"(SHA-256 {report.sha256[:12]}…).",
            "Import it into the run whose bundle was copied to the device.",
        )
    folder = _folder(home, report.sha256)
    path = folder / f"{report.id}.json"
    make_folder(folder)
    with store_errors(folder):
        is_full = not path.exists() and sum(1 for _ in folder.glob("*.json")) >= MOST_KEPT
    if is_full:
        raise InputError(
            f"There are {MOST_KEPT} imported timings of this file already.",
            "Delete some that are no longer needed: `effq timings list`, `effq timings delete`.",
        )
    write_json(path, report.to_dict())
    return report


def list_timings(home: Home, results: Results) -> dict[str, list[DeviceReport]]:
    """Lists a run's whole timings elsewhere by variant, then device, the latest first."""
    found = {}
    for name, variant in results.variants.items():
        folder = _folder(home, variant.file.sha256)
        with store_errors(folder):
            paths = sorted(folder.glob("*.json"))
        reports = [report for report in map(_stored, paths) if report is not None]
        reports.sort(key=lambda report: (report.device.casefold(), report.device, -report.measured))
        if reports:
            found[name] = reports
    return found


def delete_timings(home: Home, report_id: str) -> None:
    """Deletes an imported report, or raises InputError if there is none, or StoreError."""
    paths = []
    if _ID.fullmatch(report_id):
        with store_errors(home.device_timings):
            paths = list(home.device_timings.glob(f"*/{report_id}.json"))
    if not paths:
        raise InputError(
            f"There are no imported timings {report_id!r}.", "`effq timings list` shows their ids."
        )
    for path in paths:
        remove_file(path)


def variant_of(results: Results, report: DeviceReport) -> str | None:
    """Returns the variant of a run a report is about; ``None`` if it is none's."""
    return next(
        (name for name, each in results.variants.items() if each.file.sha256 == report.sha256), None
    )


def _folder(home: Home, sha256: str) -> Path:
    return home.device_timings / sha256


def _stored(path: Path) -> DeviceReport | None:
    plain = read_json(path)
    try:
        return None if plain is None else DeviceReport.from_dict(plain)
    except (KeyError, TypeError):
        return None
