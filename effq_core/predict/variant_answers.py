"""What the variants of a run answer to a photo. LiteRT only, no TensorFlow."""

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import BusyError, InputError
from effq_core.base.plain import Plain
from effq_core.experiment.variants import BASELINE, in_catalogue_order
from effq_core.photos.decode import decode, open_image
from effq_core.results import Results
from effq_core.results.subject import ignored_output
from effq_core.runtimes.model import Model

Pixels = npt.NDArray[np.uint8]
INVOCATIONS = 2  # of each variant for one answer, the faster is its time; one while others wait
RUNS_LOADED = 2  # runs a server holds ready, some 160 MB each; a class mostly asks one
_PATIENCE = 10.0


@dataclass(frozen=True, kw_only=True)
class Guess:
    """One class, its place among the model's outputs, and how probable a variant finds it, 0–1."""

    index: int
    label: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Answer(Plain):
    """What one variant says about an image."""

    variant: str
    guesses: tuple[Guess, ...]
    # How long the faster of :data:`INVOCATIONS` invocations took; while other visitors wait for
    # their answers, there is one only.
    ms: float
    agrees: bool | None  # whether its best class is float32's; ``None`` for float32 itself


class Predictor:
    """The variants of a run, or those named of them, loaded and warmed up.

    Several threads may share one: it answers one photo at a time. Raises ``InputError`` if the run
    lacks a variant or has no files; ``StoreError`` if a file is missing; ``ModelError`` if a file
    cannot be loaded.
    """

    def __init__(self, results: Results, variants: Sequence[str] = (), *, threads: int = 1) -> None:
        self.variants = in_catalogue_order(variants) if variants else results.with_files
        # float32 always answers too: the others are compared with it.
        loaded = dict.fromkeys((*self.variants, BASELINE))
        self._models = {name: Model(results.model_file(name), threads=threads) for name in loaded}
        self.labels = tuple(results.labels())
        self.ignored = ignored_output(results)
        self.image_input = results.image_input
        self.image_size = self.image_input.side
        classes = self._models[BASELINE].classes
        if len(self.labels) != classes:
            raise InputError(
                f"The run has {len(self.labels)} labels for {classes} outputs.",
                "Run the experiment again.",
            )
        self.threads = threads
        self._answering = threading.Lock()
        self._asking = 0
        self._counting = threading.Lock()
        blank = np.zeros(self.image_input.shape, np.uint8)
        for model in self._models.values():
            model.predict(blank)  # the first invocation takes longer and would be timed as such

    def read(self, source: Path | bytes, name: str = "") -> Pixels:
        """Decodes an image to uint8 (size, size, channels); ``DatasetError`` if it is none."""
        usual = str(source) if isinstance(source, Path) else "The image"
        return decode(open_image(source, name or usual), self.image_input)

    def answer(self, pixels: Pixels, *, top: int = 5) -> tuple[Answer, ...]:
        """Classifies what :meth:`read` returned with every variant, in the catalogue's order."""
        if top < 1:
            raise InputError(f"The number of classes to show is {top}.", "Choose 1 or more.")
        outputs: dict[str, tuple[npt.NDArray[np.float32], float]] = {}
        with self._one_of() as alone:
            for name, model in self._models.items():
                # Twice, and the faster counts: the first one after a pause pays for sleeping cores
                # and full caches, and a slice given to another process makes a fast variant look
                # slow.
                took = []
                for _ in range(INVOCATIONS if alone else 1):
                    start = time.perf_counter_ns()
                    output = model.predict(pixels)
                    took.append((time.perf_counter_ns() - start) / 1e6)
                if self.ignored is not None:  # as evaluation counts it
                    output = output.copy()
                    output[self.ignored] = 0
                outputs[name] = output, min(took)
        best = int(np.argmax(outputs[BASELINE][0]))
        answers = []
        for name in self.variants:
            output, ms = outputs[name]
            order = np.argsort(-output, kind="stable")[:top]
            guesses = tuple(
                Guess(index=int(i), label=self.labels[i], probability=float(output[i]))
                for i in order
            )
            agrees = None if name == BASELINE else guesses[0].index == best
            answers.append(Answer(variant=name, guesses=guesses, ms=ms, agrees=agrees))
        return tuple(answers)

    @contextmanager
    def _one_of(self) -> Iterator[bool]:
        """Waits for its turn; yields whether nobody else waits."""
        with self._counting:
            self._asking += 1
        try:
            with self._answering:
                yield self._asking == 1
        finally:
            with self._counting:
                self._asking -= 1


class Predictors:
    """The variants of ``most`` runs, loaded once for all visitors of a server, and never more."""

    def __init__(self, most: int = RUNS_LOADED, *, patience: float = _PATIENCE) -> None:
        self.most, self.patience = most, patience
        self._changed = threading.Condition()
        self._loaded: OrderedDict[Hashable, Predictor] = OrderedDict()
        self._users: dict[Hashable, int] = {}

    @contextmanager
    def borrow(self, key: Hashable, results: Results, *, threads: int = 1) -> Iterator[Predictor]:
        """Holds a run's variants while the block runs; ``key`` is what the answers follow from.

        Raises ``BusyError`` if others need all the room; ``EffqError`` as :class:`Predictor`.
        """
        with self._changed:
            # Under the lock: two visitors who ask for the same run must not load it twice.
            self._make_room(key)
            if key not in self._loaded:
                self._loaded[key] = Predictor(results, threads=threads)
            self._loaded.move_to_end(key)
            self._users[key] = self._users.get(key, 0) + 1
            predictor = self._loaded[key]
        try:
            yield predictor
        finally:
            with self._changed:
                self._users[key] -= 1
                self._changed.notify_all()

    @property
    def loaded(self) -> int:
        """How many runs' variants are in memory."""
        with self._changed:
            return len(self._loaded)

    def _make_room(self, key: Hashable) -> None:
        until = time.monotonic() + self.patience
        while key not in self._loaded and len(self._loaded) >= self.most:
            idle = next((each for each in self._loaded if not self._users[each]), None)
            if idle is not None:  # the one nobody has asked for longest
                del self._loaded[idle], self._users[idle]
            elif not self._changed.wait(until - time.monotonic()):
                raise BusyError(
                    f"The server is busy with photos of {self.most} other runs.",
                    "Try again in a moment: what you have given is still here.",
                )
