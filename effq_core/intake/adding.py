"""Adding your own model: checked first, then kept under a name; imports no TensorFlow."""

import json
import logging
import math
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from effq_core.base import formatting as fmt
from effq_core.base.errors import Cancelled, EffqError, ModelError
from effq_core.base.files import remove_tree, store_errors
from effq_core.base.locks import FileLock, cores
from effq_core.base.settings import Home
from effq_core.intake import sandbox, steps
from effq_core.intake.sandbox import Bounds, Workplace
from effq_core.intake.steps import Step, StepState
from effq_core.jobs.limits import CHECKING
from effq_core.models.card import Label
from effq_core.models.own.card import Preprocessing
from effq_core.models.own.extra_output import BACKGROUND
from effq_core.models.own.ready import MODEL_FILE
from effq_core.photos.image_input import ImageInput, Resize
from effq_core.photos.uploads import shown_name

MAX_MIB = 1024  # largest file, in MiB
MAX_UPLOAD_MIB = 200  # through a browser, in MiB: held in memory until it is stored
ENDINGS = ("keras", "h5", "hdf5", "zip", "tflite")
_BLOCK = 1 << 20
_MOST = {"qat_problems": 50, "notes": 20, "enforced": 5}  # lines taken of a report's lists
OnSteps = Callable[[tuple[Step, ...]], None]


@dataclass(frozen=True)
class Offer:
    """What is said about a file."""

    name: str  # of the file, as it was given
    labels: tuple[Label, ...]  # of the outputs, in their order
    preprocessing: Preprocessing  # what the model expects of RGB 0–255
    image_size: int | None = None  # pixels where the file leaves it open; ``None``: 224
    resize: Resize = Resize.CROP  # how photos were brought to that size when it was trained


@dataclass(frozen=True)
class Checked:
    """A file that passed its check and can be kept."""

    folder: Path  # what is kept of it, for now
    offer: Offer  # what was said about it
    steps: tuple[Step, ...]  # how the check went
    report: dict[str, Any]  # what was found
    # Removes the folder when nobody holds this any more, such as a page that was left.
    place: Workplace | None = field(default=None, repr=False, compare=False)

    @property
    def is_ready(self) -> bool:
        """Whether it is a ``.tflite`` file, to be measured as it is."""
        return (self.folder / steps.OUT / MODEL_FILE).is_file()

    @property
    def labels(self) -> tuple[Label, ...]:
        """Of all outputs, in their order; one that was given none is called background."""
        made, place = list(self.offer.labels), self.report.get("background")
        if place is not None:
            made.insert(place, Label(BACKGROUND))
        return tuple(made)

    @property
    def answers(self) -> list[dict[str, Any]]:
        """For each sample photo its name and its best classes with their probabilities."""
        return list(self.report["answers"])

    def shown(self, score: float) -> str:
        """Writes a score of :attr:`answers`: as a share where it is one, else as it is."""
        return fmt.percent(score) if self.report["probabilities"] else f"{score:.3g}"


def check(
    home: Home,
    file: Path | IO[bytes],
    offer: Offer,
    *,
    on_steps: OnSteps = lambda found: None,
    bounds: Bounds | None = None,
) -> Checked:
    """Checks a model file in a process of its own, one at a time on this store.

    ``on_steps`` hears the steps so far ten times a second, and may raise to stop. Raises ModelError
    if the file cannot be used or broke its reader, StoreError if the store cannot be written.
    """
    bounds = bounds or Bounds()
    place = Workplace(home)
    folder = place.path
    try:
        with store_errors(folder):
            _store(file, folder / steps.IN / steps.UPLOAD_FILE, bounds)
            _write_request(folder / steps.IN, offer, bounds)
        waiting = lambda: on_steps(())  # noqa: E731 - a waiting visitor can still stop
        # One at a time, and never while a latency is measured: each may take gigabytes and cores.
        lock = FileLock(folder.parent / ".lock")
        try:
            lock.acquire(on_wait=waiting)
            with cores(alone=False, on_wait=waiting):
                sandbox.run(folder, bounds, on_steps)
        finally:
            lock.release()
        checked = _checked(place, offer)
        place.clear()  # it may be gigabytes, and somebody may take hours to decide
        return checked
    except BaseException:
        place.close()
        raise


def discard(checked: Checked) -> None:
    """Throws away what a check has left."""
    if checked.place is not None:
        checked.place.close()
    remove_tree(checked.folder)


def _store(file: Path | IO[bytes], target: Path, bounds: Bounds) -> None:
    total, most = 0, MAX_MIB << 20
    source = file.open("rb") if isinstance(file, Path) else file
    try:
        with target.open("xb") as copy:
            while block := source.read(_BLOCK):
                total += len(block)
                if total > most:
                    raise ModelError(
                        f"The file has more than {fmt.size(most)}.", "Give a smaller model."
                    )
                sandbox.refuse_full_disk(target.parent, bounds)
                copy.write(block)
    finally:
        if isinstance(file, Path):
            source.close()
    if not total:
        raise ModelError(
            "The file is empty.", "Save it with model.save('model.keras'), and add that file."
        )


def _write_request(folder: Path, offer: Offer, bounds: Bounds) -> None:
    request = {
        "labels": [[label.name, label.wnid] for label in offer.labels],
        "preprocessing": offer.preprocessing.value,
        "image_size": offer.image_size,
        "resize": offer.resize.value,
        "address_space": bounds.address_space,
        # Of all threads together; the watch over the clock is what ends a check.
        "cpu_seconds": round(4 * bounds.seconds) + 10,
    }
    (folder / steps.REQUEST_FILE).write_text(json.dumps(request), encoding="utf-8")


def _checked(place: Workplace, offer: Offer) -> Checked:
    """Takes what the process handed over: data of the expected kind, or nothing."""
    out = place.path / steps.OUT
    found = steps.read(out)
    failed = next((each for each in found if each.state is StepState.FAILED), None)
    if failed is not None:
        raise ModelError(failed.detail, failed.hint)
    plain = steps.read_report(out)
    try:
        report = _report(plain or {}, len(offer.labels))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"The check ended without a complete report ({error!r}).", "Add the model again."
        ) from error
    return Checked(folder=place.path, offer=offer, steps=found, report=report, place=place)


def _report(plain: dict[str, Any], labels: int) -> dict[str, Any]:
    entry, background = ImageInput.from_plain(plain), plain.get("background")
    outputs = labels + (background is not None)
    if int(plain["classes"]) != outputs or not 16 <= entry.side <= 1024:
        raise ValueError("its numbers do not fit")
    if background not in (None, 0, labels):
        raise ValueError("its background is neither its first nor its last output")
    return {
        **entry.to_plain(),
        "background": background,
        "logit": bool(plain.get("logit", False)),
        **{name: _line(plain[name]) for name in ("file_sha256", "file_format", "head_problem")},
        "int8_problem": _line(plain["int8_problem"]),
        **{name: _line(plain.get(name, "")) for name in ("few_bits_problem", "train_problem")},
        **{name: int(plain[name]) for name in ("file_bytes", "parameters")},
        **{name: [_line(each) for each in plain[name]][:most] for name, most in _MOST.items()},
        "probabilities": plain.get("probabilities", True) is True,
        "softmax": plain.get("softmax") is True,
        "fed": _fed(plain.get("fed")),
        "names": _names(plain.get("names")),
        "answers": [_answer(row) for row in plain["answers"]][:20],
    }


def _answer(row: Any) -> dict[str, Any]:
    top = [[_line(name), float(share)] for name, share in row["top"]][:5]
    return {"photo": _line(row["photo"]), "top": top}


def _fed(value: Any) -> dict[str, float] | None:
    if value is None:
        return None
    made = {name: float(value[name]) for name in ("scale", "offset")}
    if not all(math.isfinite(number) for number in made.values()):
        raise ValueError("its scale is no number")
    return made


def _names(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    blocks = [(_line(name), [_line(each) for each in layers]) for name, layers in value["blocks"]]
    return {"blocks": blocks, "groups": [_line(each) for each in value["groups"]]}


def _line(value: Any) -> str:
    return " ".join(str(value).split())[:400]


def name_of_file(name: str) -> str:
    """Suggests a name for a model from its file's."""
    return Path(shown_name(name)).stem.replace("_", " ").strip() or "model"


_LOG = logging.getLogger("effq.models")


@dataclass
class Checking:
    """A check under way, or its end. Its thread writes, pages read."""

    steps: tuple[Step, ...] = ()  # so far
    checked: Checked | None = None  # what can be kept, once it has ended well
    error: EffqError | None = None  # why it cannot, once it has ended otherwise
    ended: bool = False  # whether it has
    _stop: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Stops it, or throws away what it has made; harmless a second time."""
        self._stop.set()
        if self.checked is not None:
            discard(self.checked)
            self.checked = None

    def _note(self, found: tuple[Step, ...]) -> None:
        self.steps = found or self.steps
        if self._stop.is_set():
            raise Cancelled("The check was stopped.", "")


def start_check(home: Home, file: IO[bytes], offer: Offer) -> Checking:
    """Starts a check of an upload in a thread; raises BusyError if there are enough already."""
    CHECKING.take()
    checking = Checking()
    threading.Thread(
        target=_work, args=(checking, home, file, offer), name="effq-check", daemon=True
    ).start()
    return checking


def _work(checking: Checking, home: Home, file: IO[bytes], offer: Offer) -> None:
    try:
        found = check(home, file, offer, on_steps=checking._note)
        checking.steps, checking.checked = found.steps, found
        if checking._stop.is_set():  # in its very last moment
            checking.cancel()
    except EffqError as error:
        checking.error = error
    except Exception as error:  # noqa: BLE001 - the page must learn that it has ended
        number = secrets.token_hex(4)
        _LOG.exception("Bug %s", number)
        checking.error = ModelError(
            f"The check failed: bug {number} ({type(error).__name__}).", "Report this number."
        )
    finally:
        checking.ended = True
        CHECKING.leave()
