"""Running model files on raw RGB 0–255: one image at a time, or many over all cores."""

import itertools
import threading
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path

import numpy as np
import numpy.typing as npt

from effq_core.base.errors import ModelError
from effq_core.base.hardware import usable_cores
from effq_core.base.reporting import Reporter, SilentReporter
from effq_core.models.file_input import Feeding, input_table, read_answers, read_feeding
from effq_core.photos.image_input import COLOUR, GREY
from effq_core.runtimes.registry import open_session
from effq_core.runtimes.session import Kernels

Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_WATCH_SECONDS = 0.05  # how often a pool reports progress and looks whether it should stop


def is_image(shape: tuple[int, ...]) -> bool:
    """Returns whether an input is one square image; a grey one may lack the axis of its channel."""
    if len(shape) not in (3, 4) or shape[0] != 1 or shape[1] != shape[2]:
        return False
    return shape[3:] in ((), (GREY,), (COLOUR,))


def channels_of(shape: tuple[int, ...]) -> int:
    """Returns how many channels an input has: 1 where it is grey, with or without an axis."""
    return GREY if shape[3:] in ((), (GREY,)) else COLOUR


class Model:
    """A loaded image classifier, whatever runs its file. Serves one thread at a time.

    ``path``: The file: one input (1, size, size, 3) of float32, int8, uint8 or int16, or a grey
    one, (1, size, size, 1) or (1, size, size), and one output (1, classes); what its outputs mean,
    where that is not a class each, is read beside it. ``keep_values``: Whether values inside of the
    graph can be read after an invocation. Raises ``ModelError`` if the file is missing or corrupt,
    or is not such a classifier.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        threads: int = 1,
        kernels: Kernels = Kernels.USUAL,
        keep_values: bool = False,
    ) -> None:
        self.path = Path(path)
        self.session = open_session(
            self.path, threads=threads, kernels=kernels, keep_values=keep_values
        )
        shapes = [each.shape for each in (*self.session.inputs, *self.session.outputs)]
        if len(shapes) != 2 or not is_image(shapes[0]) or len(shapes[1]) != 2 or shapes[1][0] != 1:
            raise ModelError(
                f"{self.path.name} has inputs and outputs of shapes {shapes}.",
                "EffQ measures classifiers with one (1, size, size, 3) input, or a grey one with "
                "one channel or none, and one (1, classes) output.",
            )
        self._output = self.session.outputs[0]
        self._shape, self._answers = shapes[0], read_answers(self.path)
        self._size, self._classes = shapes[0][1], self._answers.classes(shapes[1][1])
        # There are only 256 values a pixel can have, so the file's own quantization becomes a
        # table: exact, and as fast as a copy.
        feeding = read_feeding(self.path)
        self._table = input_table(self.path, self.session.inputs[0], feeding)
        self._feeding = feeding or Feeding()

    @property
    def image_size(self) -> int:
        """Side of the square input in pixels."""
        return self._size

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._classes

    @property
    def channels(self) -> int:
        """Channels of the input: 3, or 1 where it is grey."""
        return channels_of(self._shape)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of the pixels it takes: size, size, channels."""
        return self._size, self._size, self.channels

    @property
    def input_dtype(self) -> np.dtype[np.generic]:
        """Type of the file's input tensor."""
        return self._table.dtype

    def prepare(self, image: Image) -> npt.NDArray[np.generic]:
        """Writes pixels, uint8 (size, size, channels), the way the file's input wants them.

        Integers are ``round(x / scale) + zero_point``, clipped; x is preprocessed if a file beside
        says so. Raises ``ModelError`` if the image is not uint8 of the model's size.
        """
        if image.shape != self.image_shape or image.dtype != np.uint8:
            raise ModelError(
                f"{self.path.name} takes uint8 {self.image_shape}, "
                f"not {image.dtype} {image.shape}.",
                "Decode the image to the model's size first.",
            )
        if self._table.ndim == 1:
            prepared: npt.NDArray[np.generic] = self._table[image]
            return prepared.reshape(self._shape)
        order = self._feeding.order[: len(self._table)]
        channels = [self._table[row][image[..., channel]] for row, channel in enumerate(order)]
        return np.stack(channels, axis=-1).reshape(self._shape)

    def predict(self, image: Image) -> Floats:
        """Classifies one image, raw RGB or grey 0–255, uint8 (size, size, channels).

        Returns float32 (classes,), dequantized, after a softmax where a file beside the model says
        these are scores. Raises ``ModelError`` if the image is not uint8 of the model's size.
        """
        self.session.feed(self.prepare(image))
        self.session.invoke()
        raw = self.session.answer()[0]
        answer: Floats = np.asarray(raw, np.float32)
        if raw.dtype.kind != "f":
            scale, zero_point = np.float32(self._output.scale), np.float32(self._output.zero_point)
            answer = (answer - zero_point) * scale
        answer = self._answers.read(answer)
        if not self._feeding.softmax:
            return answer
        powers = np.exp(answer - answer.max())
        return np.asarray(powers / powers.sum(), np.float32)

    @property
    def output_step(self) -> float | None:
        """Difference between neighbouring output values; ``None`` for a float output."""
        return None if self._output.dtype == np.float32 else self._output.scale


class ModelPool:
    """One single-threaded session per core, for throughput, identical to one bit for bit.

    The threads of one invocation mostly wait for each other; independent images do not.
    """

    def __init__(
        self, path: Path | str, *, workers: int | None = None, kernels: Kernels = Kernels.USUAL
    ) -> None:
        count = max(1, workers or usable_cores())
        self._models = [Model(path, kernels=kernels) for _ in range(count)]

    @property
    def image_size(self) -> int:
        """Side of the square input in pixels."""
        return self._models[0].image_size

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._models[0].classes

    def predict_many(
        self, images: npt.NDArray[np.uint8], reporter: Reporter | None = None
    ) -> Floats:
        """Classifies uint8 (n, size, size, channels), of a memory map too: float32 (n, classes).

        One call at a time. Raises ``ModelError`` if the images do not have the model's size or are
        not uint8; ``Cancelled`` if the reporter says so.
        """
        reporter = reporter or SilentReporter()
        reporter.check_cancelled()
        total = len(images)
        outputs = np.empty((total, self.classes), np.float32)
        indices = itertools.count()  # next() on it is atomic: each image goes to one worker
        stop = threading.Event()
        done = [0] * len(self._models)

        def work(worker: int) -> None:
            model = self._models[worker]
            for index in indices:
                if index >= total or stop.is_set():
                    return
                outputs[index] = model.predict(np.asarray(images[index]))
                done[worker] += 1

        with ThreadPoolExecutor(len(self._models), "effq-predict") as executor:
            running: set[Future[None]] = {
                executor.submit(work, worker) for worker in range(len(self._models))
            }
            try:
                while running:
                    finished, running = wait(running, _WATCH_SECONDS, FIRST_EXCEPTION)
                    for future in finished:
                        future.result()
                    reporter.progress(sum(done), total)
                    reporter.check_cancelled()
            finally:
                stop.set()
        return outputs
