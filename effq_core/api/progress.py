"""Progress of whatever takes long, told to a function or drawn as a bar."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from effq_core.base import formatting as fmt
from effq_core.base.reporting import SilentReporter
from effq_core.pipeline.estimate import share_done
from effq_core.pipeline.progress import Update
from effq_core.pipeline.registry import stage_title
from effq_core.results.wording import amount_text, waiting_text
from effq_core.store.rows import StageState


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far something is."""

    share: float  # how much is done, 0 to 1
    remaining: float | None  # estimated seconds to the end; ``None`` where nothing is known
    text: str  # what is going on


OnProgress = Callable[[Progress], object]


@contextmanager
def shown(progress: bool | OnProgress) -> Iterator[OnProgress]:
    """Shows progress while the block runs: draws a bar, or tells the caller's own function."""
    if callable(progress):
        yield progress
        return
    from tqdm.auto import tqdm  # a widget in Jupyter, a line on a terminal

    bar_format = "{percentage:3.0f}%|{bar}| {desc}"
    with tqdm(total=100, bar_format=bar_format, disable=not progress) as bar:

        def draw(found: Progress) -> None:
            bar.n = 100 * found.share
            left = f" · {fmt.left(found.remaining)}" if found.remaining else ""
            bar.set_description_str(f"{found.text}{left}")

        yield draw


def of_run(update: Update) -> Progress:
    """Says how far a run is."""
    running = next((each for each in update.stages if each.state is StageState.RUNNING), None)
    if running is None:
        text = fmt.sentence(update.waiting) or waiting_text(update.run.status)
    else:
        text = " · ".join(filter(None, (stage_title(running.name), amount_text(running))))
    return Progress(share=share_done(update.stages), remaining=update.remaining, text=text)


class Teller(SilentReporter):
    """Tells how far a download, or a look at photos, is."""

    def __init__(self, tell: OnProgress) -> None:
        self._tell = tell

    def progress(self, done: int, total: int, unit: str = "images") -> None:
        """Passes it on."""
        text = f"{fmt.count(done)} of {fmt.count(total)} {unit}"
        if unit == "bytes":
            text = f"{fmt.size(done)} of {fmt.size(total or None)}"
        self._tell(Progress(share=done / total if total else 0.0, remaining=None, text=text))
