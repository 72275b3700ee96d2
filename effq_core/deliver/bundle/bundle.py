"""Packing a variant for a device: one zip with the model, what it does, and how to run it."""

import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

from effq_core.base.errors import InputError, StoreError
from effq_core.base.files import store_errors, write_atomic
from effq_core.deliver.bundle.card import model_card, needed_runtime
from effq_core.devices import scripts
from effq_core.photos.image_input import Resize
from effq_core.results import Results
from effq_core.results.subject import ignored_output
from effq_core.tflite.needs import PACKAGE, Need

LABELS = "labels.txt"
CARD = "model_card.md"
REQUIREMENTS = "requirements.txt"
# How photos become squares, what is no answer and which LiteRT it needs, if unusual.
INPUT = "input.json"
SCRIPTS = ("classify.py", "bench.py")
MEMBERS = (LABELS, CARD, *SCRIPTS, REQUIREMENTS)  # besides ``<variant>.tflite`` and its companions
NEEDED = ("ai-edge-litert", "numpy", "pillow")  # distributions ``classify.py`` needs
_SCRIPTS_FOLDER = Path(scripts.__file__).parent
# The same results make the same bytes, whenever and wherever they are packed.
_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_REGULAR = 0o100000


def bundle_name(results: Results, variant: str) -> str:
    """Names a bundle's folder and file, such as ``efficientnetv2_b0_imagenette-int8``."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{results.model['model']}-{variant}")
    return name.lstrip(".-")


def bundle_bytes(results: Results, variant: str, *, run: str = "") -> bytes:
    """Packs a variant into a zip with one folder; the same input gives the same bytes."""
    model, need = _measured_file(results, variant), needed_runtime(results, variant)
    texts = {
        LABELS: "".join(f"{label}\n" for label in results.labels()),
        CARD: model_card(results, variant, run),
        **{name: (_SCRIPTS_FOLDER / name).read_text(encoding="utf-8") for name in SCRIPTS},
        REQUIREMENTS: requirements(results, need),
    }
    content = {f"{variant}.tflite": model}
    ignored, resize = ignored_output(results), results.image_input.resize
    said: dict[str, Any] = {} if ignored is None else {"ignored": ignored}
    if need is not None:
        said["litert"] = need.plain()
    if resize is not Resize.CROP or said:
        texts[INPUT] = json.dumps({"resize": resize.value, **said}) + "\n"
    content |= results.companions(variant)
    content |= {name: text.encode("utf-8") for name, text in texts.items()}
    packed = io.BytesIO()
    # Stored: weights hardly shrink, and deflated bytes would depend on the version of zlib.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in content.items():
            member = zipfile.ZipInfo(f"{bundle_name(results, variant)}/{name}", _TIME)
            member.create_system = _UNIX
            mode = 0o755 if name in SCRIPTS else 0o644
            member.external_attr = (_REGULAR | mode) << 16
            archive.writestr(member, data)
    return packed.getvalue()


def write_bundle(
    results: Results, variant: str, target: Path, *, run: str = "", force: bool = False
) -> Path:
    """Writes a bundle to a ``.zip`` whole or not at all; may raise InputError or StoreError."""
    target = target.expanduser().absolute()
    with store_errors(target):
        is_folder, exists = target.is_dir(), target.exists()
    if is_folder or target.suffix.lower() != ".zip":
        what = "is a folder" if is_folder else "does not end in .zip"
        raise InputError(
            f"{target} {what}.",
            f"A bundle is one file: name it, such as {bundle_name(results, variant)}.zip.",
        )
    if exists and not force:
        raise InputError(
            f"{target} is there already.", "Name another file, or add --force to replace it."
        )
    write_atomic(target, bundle_bytes(results, variant, run=run))
    return target


def requirements(results: Results, need: Need | None = None) -> str:
    """Pins the versions with which the answers are those of the run to the last bit."""
    least = {PACKAGE: f">={need.fast}"} if need else {}
    lines = [
        f"{name}=={results.versions[name]}"
        if name in results.versions
        else f"{name}{least.get(name, '')}"
        for name in NEEDED
    ]
    told = [f"# {need.text}"] if need else []
    return "".join(f"{line}\n" for line in (*told, *lines))


def _measured_file(results: Results, variant: str) -> bytes:
    path = results.model_file(variant)
    if (runtime := results.runtime(variant)).packages[0] not in NEEDED:
        raise InputError(f"Bundles hold no file that {runtime.title} runs.", "Export the run.")
    with store_errors(path):
        content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != results.variants[variant].file.sha256:
        raise StoreError(
            f"{path} is damaged: it is not the file that was measured.",
            "`effq doctor --repair` sets it aside; then run the experiment again.",
        )
    return content
