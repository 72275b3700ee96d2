"""Throws hostile zips and images at the ingest of photos for as long as one likes, and counts.

    python benchmarks/fuzz_ingest.py --seconds 300 [--seed 0]

Every image is decoded by the worker process as an upload's would be, a hundred to an upload; every
zip is unpacked, and one in twenty goes the whole way to a dataset. It fails (exit status 1) if
anything raises what it should not, takes more than five seconds of processor time, or leaves a file
behind; the seed of the case is printed.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from effq_core.base.errors import DatasetError  # noqa: E402
from effq_core.base.reporting import SilentReporter  # noqa: E402
from effq_core.base.settings import Home  # noqa: E402
from effq_core.photos.incoming.archive import unpack  # noqa: E402
from effq_core.photos.incoming.limits import VISITORS  # noqa: E402
from effq_core.photos.incoming.upload import look_at_files  # noqa: E402
from effq_core.photos.own_photos import own_photos, remove_own  # noqa: E402
from tests.photos.incoming.fuzzing import hostile_image, hostile_zip  # noqa: E402
from tests.photos.incoming.ingest_helpers import left_behind  # noqa: E402

SECONDS = 5.0
IMAGES = 100
ZIPS = 200
WHOLE = 20


class Fuzz:
    """Counts what happened."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.slowest = self.slowest_upload = 0.0
        self.failures: list[str] = []

    def images(self, seed: int) -> None:
        """Gives a hundred damaged images at once, as somebody's photos."""
        chance = random.Random(seed)  # noqa: S311 - not for secrets
        files = [(f"{n}.png", hostile_image(chance)) for n in range(IMAGES)]
        self.counts["images"] += IMAGES
        self._whole(files, seed, "images")

    def zips(self, seed: int) -> None:
        """Unpacks damaged zips."""
        chance = random.Random(seed)  # noqa: S311
        for number in range(ZIPS):
            content = hostile_zip(chance)
            self.counts["zips"] += 1
            self._unpack(content, seed)
            if number % WHOLE == 0:
                self._whole([("set.zip", content)], seed, "zips")

    def _unpack(self, content: bytes, seed: int) -> None:
        with tempfile.TemporaryDirectory() as name:
            top, into = Path(name), Path(name) / "into"
            into.mkdir()
            (top / "given").write_bytes(content)
            started = time.process_time()
            try:
                found = unpack(top / "given", into, VISITORS, SilentReporter())
            except DatasetError as error:
                self.counts["zips refused"] += 1
                self._why(error.message)
            except Exception:  # noqa: BLE001 - what this program looks for
                self.failures.append(f"zip, seed {seed}: {traceback.format_exc()}")
            else:
                self.counts["zips unpacked"] += 1
                self.counts["entries taken"] += len(found.files)
                self.counts["entries left out"] += len(found.skipped)
                for each in found.skipped:
                    self._why(each.reason)
            self._time(time.process_time() - started, seed)
            names = {path.name for path in top.iterdir()}
            if names != {"given", "into"} or any(not p.name.isdecimal() for p in into.iterdir()):
                self.failures.append(f"zip, seed {seed}: left {names}")

    def _whole(self, files: list[tuple[str, bytes]], seed: int, kind: str) -> None:
        started = time.monotonic()
        try:
            found = look_at_files(self.home, files)
            self.counts[f"{kind}: photos taken"] += len(found.preview.photos)
            self.counts[f"{kind}: files left out"] += len(found.preview.skipped)
            for each in found.preview.skipped:
                self._why(each.reason)
            added = found.add(self.home, "Fuzz")
            self.counts["datasets made"] += 1
            remove_own(self.home, added.id)
        except DatasetError as error:
            self.counts["uploads refused"] += 1
            self._why(error.message)
        except Exception:  # noqa: BLE001
            self.failures.append(f"{kind}, seed {seed}: {traceback.format_exc()}")
        self.counts["uploads"] += 1
        self.slowest_upload = max(self.slowest_upload, time.monotonic() - started)
        left = left_behind(self.home.root)
        if left or own_photos(self.home):
            self.failures.append(f"{kind}, seed {seed}: left {left[:5]}")

    def _why(self, reason: str) -> None:
        self.reasons[" ".join(word for word in reason.split() if word.isalpha())[:60]] += 1

    def _time(self, seconds: float, seed: int) -> None:
        self.slowest = max(self.slowest, seconds)
        if seconds > SECONDS:
            self.failures.append(f"zip, seed {seed}: took {seconds:.1f} s")


def main() -> int:
    """Runs until the time is over; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="effq-fuzz-"))
    fuzz = Fuzz(Home(folder / "home"))
    until, seed = time.monotonic() + chosen.seconds, chosen.seed
    try:
        while time.monotonic() < until and len(fuzz.failures) < 20:
            fuzz.images(seed)
            fuzz.zips(seed)
            seed += 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name, count in sorted(fuzz.counts.items()):
        print(f"{name:24} {count:>9,}")
    print(f"slowest zip: {fuzz.slowest:.2f} s of processor time")
    print(f"slowest upload of {IMAGES} images or a zip: {fuzz.slowest_upload:.2f} s")
    print("\nmost frequent reasons:")
    for reason, count in fuzz.reasons.most_common(15):
        print(f"{count:>9,}  {reason}")
    for failure in fuzz.failures:
        print(f"\nFAILED {failure}")
    print(f"\nseeds {chosen.seed} to {seed - 1}: {len(fuzz.failures)} failures")
    return 1 if fuzz.failures else 0


if __name__ == "__main__":
    sys.exit(main())
