"""The process that unpacks and decodes what somebody gave: ``python -m`` this module ``DRAFT``."""

import json
import resource
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from effq_core.base.errors import EffqError
from effq_core.base.files import store_error, write_json
from effq_core.photos.incoming.archive import unpack
from effq_core.photos.incoming.draft import GIVEN, PHOTOS
from effq_core.photos.incoming.found import Found, FoundFile
from effq_core.photos.incoming.gather import copy_folder, sort_given
from effq_core.photos.incoming.limits import Limits
from effq_core.photos.incoming.look import Picker, Seen, assemble, look_at, read_labels
from effq_core.photos.index import Skipped

REQUEST = "request.json"
FOUND = "found.json"
SEEN = "seen.jsonl"
PREVIEW = "preview.json"
LABELS = "labels"  # file of a draft with a list of labels that was given
_EVERY = 4  # photos between two reports


class _Lines:
    """Tells the parent process how far this one is, a line of JSON each."""

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        self.say(done=done, total=total, unit=unit)

    def event(self, kind: str, **values: Any) -> None:
        """Nobody reads events."""

    def check_cancelled(self) -> None:
        """The parent ends this process."""

    def say(self, **values: Any) -> None:
        sys.stdout.write(json.dumps(values) + "\n")
        sys.stdout.flush()


def main(folder: str) -> int:
    """Looks at what is in a draft; 0 also where it cannot be used, which is said in a line."""
    draft, lines = Path(folder), _Lines()
    request = json.loads((draft / REQUEST).read_text(encoding="utf-8"))
    limits = Limits(**request["limits"])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        _look(draft, request, limits, lines)
    except EffqError as error:
        lines.say(error=type(error).__name__, message=error.message, hint=error.hint)
    except OSError as error:
        full = store_error(error, draft)
        lines.say(error=type(full).__name__, message=full.message, hint=full.hint)
    return 0


def _look(draft: Path, request: dict[str, Any], limits: Limits, lines: _Lines) -> None:
    found = _find(draft, request, limits, lines)
    labels = draft / LABELS
    content = labels.read_bytes() if labels.exists() else None
    called = request["labels"] or "The list of labels"
    labelled = read_labels(found, content, called, one_down=request["one_down"])
    seen, pictures = _known(draft)
    avoid: dict[str, str] = request["avoid"]
    picker = Picker(labelled)
    wanted = [file for file in found.files if file.name in labelled.places]
    with (draft / SEEN).open("a", encoding="utf-8") as kept:
        for number, file in enumerate(sorted(wanted, key=lambda file: file.name)):
            thumbnail = picker.wants(file.name)
            known = seen.get(file.name)
            # With other classes than at an earlier look, other photos are shown of each.
            if known and (known.problem or pictures[file.name] or not thumbnail):
                continue
            if number % _EVERY == 0:
                lines.progress(number, len(wanted), unit="photos looked at")
            if file.name in avoid:
                each, picture = Seen(file.name, problem=avoid[file.name]), b""
            else:
                lines.say(at=file.name)
                _give_time(limits.seconds_a_photo)
                each, picture = look_at(file, draft / PHOTOS, limits, thumbnail=thumbnail)
            seen[file.name], pictures[file.name] = each, picture
            kept.write(json.dumps({**each.to_dict(), "picture": picture.hex()}) + "\n")
            kept.flush()
    lines.say(at="")
    _give_time(limits.seconds)
    write_json(draft / PREVIEW, assemble(found, labelled, seen, pictures, limits).to_dict())


def _find(draft: Path, request: dict[str, Any], limits: Limits, lines: _Lines) -> Found:
    """Unpacks, unless a process before this one has."""
    path = draft / FOUND
    if path.exists():
        plain = json.loads(path.read_text(encoding="utf-8"))
        return Found(
            [FoundFile(**each) for each in plain["files"]],
            [Skipped(**each) for each in plain["skipped"]],
            plain["litter"],
            None if plain["labels"] is None else bytes.fromhex(plain["labels"]),
            plain["outside"],
        )
    _give_time(limits.seconds)
    kind, source = request["kind"], request["source"]
    photos = draft / PHOTOS
    if kind == "zip":
        found = unpack(Path(source), photos, limits, lines)
    elif kind == "folder":
        found = copy_folder(Path(source), photos, limits, lines)
    else:
        found = sort_given(request["names"], draft / GIVEN, limits)
        for file in found.files:
            (draft / GIVEN / file.path).rename(photos / file.path)
    plain = asdict(found)
    plain["labels"] = None if found.labels is None else found.labels.hex()
    write_json(path, plain)
    return found


def _known(draft: Path) -> tuple[dict[str, Seen], dict[str, bytes]]:
    seen, pictures = {}, {}
    path = draft / SEEN
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            plain = json.loads(line)
        except ValueError:  # it ended in the middle of a line
            continue
        pictures[plain["name"]] = bytes.fromhex(plain.pop("picture"))
        seen[plain["name"]] = Seen(**plain)
    return seen, pictures


def _give_time(seconds: int) -> None:
    """Lets this process live for so much more processor time; then the system ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = used.ru_utime + used.ru_stime
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(spent) + seconds + 1, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
