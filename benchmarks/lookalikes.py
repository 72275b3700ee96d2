"""Does EffQ find copies of photos, and nothing but copies?

Of every so many photos copies are made: compressed again, resized, cropped to 95 %, brightened, and
all of that at once. Each copy is looked for among all photos. Found is right where the photo it was
made of is named. Wrong are other photos that are named, and all look-alikes among the photos as
they came: look at the pairs that are listed, since data sets do hold the same photo twice.

Both ways photos are seen are measured: the whole file, as in the preview of an upload, and the
224 × 224 pixels a run decodes. The exit code is 1 if precision or recall of any kind of copy is
below 0.95.

    python benchmarks/lookalikes.py FOLDER_OF_IMAGES --every 4
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from PIL import Image, ImageEnhance

from effq_core.photos.decode import EXTENSIONS, decode, open_image, upright_rgb
from effq_core.photos.lookalikes import Miniatures, miniature, nearest_among, nearest_earlier

SIDE = 224
LEAST = 0.95
Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def compressed(image: Image.Image, quality: int) -> Image.Image:
    """Saves a photo as JPEG and loads it again."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


def resized(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Returns a photo at 40 to 80 % of its size."""
    scale = rng.uniform(0.4, 0.8)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC)


def cropped(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cuts a photo to 95 % of both sides, anywhere."""
    width, height = round(image.width * 0.95), round(image.height * 0.95)
    left = int(rng.integers(0, image.width - width + 1))
    top = int(rng.integers(0, image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def cornered(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cuts a photo to 95 % of both sides, into one of its corners."""
    width, height = round(image.width * 0.95), round(image.height * 0.95)
    left = (image.width - width) * int(rng.integers(0, 2))
    top = (image.height - height) * int(rng.integers(0, 2))
    return image.crop((left, top, left + width, top + height))


def brighter(image: Image.Image, factor: float) -> Image.Image:
    """Multiplies every value; white stays white."""
    return ImageEnhance.Brightness(image).enhance(factor)


KINDS: dict[str, Change] = {
    "recompressed, quality 30": lambda image, rng: compressed(image, 30),
    "resized to 40-80 %": resized,
    "cropped to 95 %": cropped,
    "cropped to 95 %, corner": cornered,
    "brightened by 20 %": lambda image, rng: brighter(image, 1.2),
    "brightened by 50 %": lambda image, rng: brighter(image, 1.5),
    "all of these": lambda image, rng: compressed(
        brighter(resized(cropped(image, rng), rng), 1.2), 50
    ),
}


def seen(rgb: Image.Image) -> Miniatures:
    """Returns what a preview and what a run compare, (2, 32, 32)."""
    return np.stack([miniature(rgb), miniature(Image.fromarray(decode(rgb, SIDE)))])


def look(path: Path, number: int, every: int) -> list[Miniatures]:
    """Returns what is seen of a photo and, of every so many, of its copies."""
    rgb = upright_rgb(open_image(path, path.name))
    if number % every:
        return [seen(rgb)]
    rng = np.random.default_rng(number)
    return [seen(rgb), *(seen(change(rgb, rng)) for change in KINDS.values())]


def measure(way: str, photos: Miniatures, copies: Miniatures, made_of: list[int]) -> list[str]:
    """Prints the table of one way photos are seen.

    Args:
        way: What it is called.
        photos: As they came.
        copies: By kind.
        made_of: Position of the photo each copy was made of.

    Returns:
        Kinds below the limit.
    """
    clock, wall = time.process_time(), time.perf_counter()
    near = nearest_earlier(photos)
    spent, waited = time.process_time() - clock, time.perf_counter() - wall
    clean = [(row, alike) for row, alike in enumerate(near) if alike is not None]
    print(f"\n{way}: {len(clean)} look-alikes among {len(photos):,} photos as they came")
    print(f"({spent:.1f} s of processor time, {waited:.1f} s)")
    for row, alike in clean[:20]:
        print(f"  photo {row} like photo {alike[0]}: {alike[1]:.3f}")
    print(f"\n| {'copies':25} | {'made':>6} | right | wrong | precision | recall |")
    print("|---|---:|---:|---:|---:|---:|")
    failed = []
    for kind, those in zip(KINDS, copies, strict=True):
        found = nearest_among(those, photos)
        right = sum(a is not None and a[0] == n for a, n in zip(found, made_of, strict=True))
        wrong = sum(each is not None for each in found) - right + len(clean)
        precision, recall = right / max(1, right + wrong), right / len(made_of)
        print(
            f"| {kind:25} | {len(made_of):6,} | {right:5,} | {wrong:5,} | {precision:9.4f} |"
            f" {recall:6.4f} |"
        )
        if min(precision, recall) < LEAST:
            failed.append(f"{way}, {kind}")
    return failed


def main() -> int:
    """Makes copies, looks for them and prints how many were found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path, help="folder of photos")
    parser.add_argument("--every", type=int, default=4, help="make copies of every so many photos")
    given = parser.parse_args()
    paths = sorted(p for p in given.photos.rglob("*") if p.suffix.lower() in EXTENSIONS)
    if not paths:
        sys.exit(f"There is no photo in {given.photos}.")
    with ThreadPoolExecutor(2) as pool:
        looked = list(pool.map(look, paths, range(len(paths)), [given.every] * len(paths)))
    made_of = [number for number, each in enumerate(looked) if len(each) > 1]
    failed = []
    for position, way in enumerate(("Whole files", f"{SIDE} × {SIDE} pixels")):
        photos = np.stack([each[0][position] for each in looked])
        copies = np.stack(
            [[looked[n][1 + k][position] for n in made_of] for k in range(len(KINDS))]
        )
        failed += measure(way, photos, copies, made_of)
    for each in failed:
        print(f"Below {LEAST}: {each}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
