"""The built-in dataset: crops of photos that ship inside the scikit-image wheel."""

import hashlib
import importlib.util
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from effq_core.base.errors import DatasetError
from effq_core.base.reporting import Reporter
from effq_core.photos.decode import open_image
from effq_core.photos.index import TRAIN, VAL, ImageItem, Index, remove_duplicates

DATASET_ID = "photo_patches"
CODE_VERSION = 1  # raise it whenever a crop changes: it is part of every fingerprint
CROPS = {"training": 250, "evaluation": 100}  # crops of each photo
SIDES = (0.4, 0.8)  # smallest and largest side of a crop, as a share of its quarter's shorter side

SUMMARY = (
    "Square crops of eleven photos that come with EffQ Studio: no download. One photo is one class,"
    " so it is easy, and its accuracy says little about other photos. Its pixels are real, so"
    " sizes, speeds and the differences between variants are real too."
)
LICENCE = "public domain or CC0, photo by photo"


class _Photo(NamedTuple):
    name: str
    file: str
    credit: str


# Terms as scikit-image's docstrings state them (0.26): only public domain or CC0 are used.
_PHOTOS = (
    _Photo("astronaut", "astronaut.png", "Eileen Collins. NASA Great Images; public domain"),
    _Photo("brick", "brick.png", "Brick wall. CC0Textures, Bricks25; CC0"),
    _Photo("camera", "camera.png", "Cameraman. Lav Varshney; CC0"),
    _Photo("cat", "chelsea.png", "Chelsea the cat. Stéfan van der Walt; CC0"),
    _Photo("clock", "clock_motion.png", "Moving clock. Stéfan van der Walt; public domain"),
    _Photo("coffee", "coffee.png", "Coffee cup. Rachel Michetti, Pikolo Espresso Bar; CC0"),
    _Photo("grass", "grass.png", "Grass. linolafett, DeviantArt; CC0"),
    _Photo("gravel", "gravel.png", "Gravel. CC0Textures, Gravel04; CC0"),
    _Photo("galaxies", "hubble_deep_field.jpg", "Hubble eXtreme Deep Field. NASA; public domain"),
    _Photo("retina", "retina.jpg", "Human retina. Mikael Häggström; CC0"),
    _Photo("rocket", "rocket.jpg", "Launch of DSCOVR on Falcon 9. SpaceX; public domain"),
)


class SamplePhoto(NamedTuple):
    """A photo to try a model on."""

    name: str
    path: Path
    credit: str  # who made it, and its terms


def sample_photos() -> list[SamplePhoto]:
    """Returns the photos the crops are of, or raises DatasetError if scikit-image lacks one."""
    folder = _data_folder()
    photos = [SamplePhoto(photo.name, folder / photo.file, photo.credit) for photo in _PHOTOS]
    missing = [photo.path.name for photo in photos if not photo.path.is_file()]
    if missing:
        raise DatasetError(
            f"scikit-image in {folder.parent} lacks {', '.join(missing)}.",
            "Install it from its wheel: pip install --force-reinstall scikit-image.",
        )
    return photos


class PhotoPatches:
    """The built-in dataset. Raises DatasetError if scikit-image lacks one of the photos."""

    id = DATASET_ID
    title = "Photo patches (built in)"
    licence = LICENCE
    source = "photos in the scikit-image package"
    reference_size: int | None = None
    class_names = tuple(photo.name for photo in _PHOTOS)
    wnids: tuple[str | None, ...] = (None,) * len(_PHOTOS)

    def __init__(self) -> None:
        self._paths = {photo.name: photo.path for photo in sample_photos()}

    @property
    def bytes_on_disk(self) -> int:
        """Size of the photos in bytes."""
        return sum(path.stat().st_size for path in self._paths.values())

    def state(self) -> str:
        """Returns what decides the crops: this code's version and scikit-image's."""
        return f"photo_patches {CODE_VERSION}, scikit-image {version('scikit-image')}"

    def listing(self) -> list[tuple[str, int, str]]:
        """Returns key, label and split of every crop, without looking at pixels."""
        return list(_keys())

    def scan(self, reporter: Reporter) -> Index:
        """Lists every crop with its pixels' hash, or raises DatasetError if a photo is broken."""
        items: list[ImageItem] = []
        total = len(_PHOTOS) * sum(CROPS.values())
        for key, label, split in _keys():
            if len(items) % 100 == 0:
                reporter.check_cancelled()
                reporter.progress(len(items), total)
            crop = self._crop(key)
            digest = hashlib.sha256(f"{crop.size}".encode())
            digest.update(crop.tobytes())
            items.append(ImageItem(key, label, split, digest.hexdigest()))
        kept, skipped = remove_duplicates(items)
        reporter.progress(total, total)
        return Index(self.id, self.state(), tuple(kept), self.class_names, self.wnids, (*skipped,))

    def open(self, item: ImageItem) -> Image.Image:
        """Cuts one crop out of its photo, in its mode, or raises DatasetError if there is none."""
        return self._crop(item.key)

    def _crop(self, key: str) -> Image.Image:
        name, _, rest = key.partition("/")
        kind, _, number = rest.partition("/")
        known = name in self._paths and kind in CROPS and number.isdecimal()
        if not known or int(number) >= CROPS[kind]:
            raise DatasetError(f"There is no crop {key!r}.", "Scan the dataset again.")
        photo = _load(self._paths[name])
        return photo.crop(crop_box(key, *photo.size))


def crop_box(key: str, width: int, height: int) -> tuple[int, int, int, int]:
    """Returns left, top, right and bottom of ``<photo>/<training or evaluation>/<number>``."""
    digest = hashlib.sha256(f"{CODE_VERSION}/{key}".encode()).digest()
    lower, size, across, down = (
        int.from_bytes(digest[start : start + 8], "big") for start in (0, 8, 16, 24)
    )
    half_width, half_height = width // 2, height // 2
    short = min(half_width, half_height)
    smallest, largest = (round(share * short) for share in SIDES)
    side = smallest + size % (largest - smallest + 1)
    in_lower = bool(lower % 2)
    in_right = in_lower == ("/training/" in key)
    left = across % (half_width - side + 1) + in_right * half_width
    top = down % (half_height - side + 1) + in_lower * half_height
    return left, top, left + side, top + side


def _keys() -> Iterator[tuple[str, int, str]]:
    for label, photo in enumerate(_PHOTOS):
        for kind, split in (("training", TRAIN), ("evaluation", VAL)):
            for number in range(CROPS[kind]):
                yield f"{photo.name}/{kind}/{number:05d}", label, split


def _data_folder() -> Path:
    # Found without importing it, which would also import SciPy.
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise DatasetError(
            "scikit-image is not installed.", "Install it: pip install scikit-image."
        )
    return Path(spec.origin).parent / "data"


@cache  # eleven photos, 12 MB in all
def _load(path: Path) -> Image.Image:
    return open_image(path, path.name)
