"""One output, yes or no, made two classes: label 0 is no, label 1 is yes (imports TensorFlow)."""

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Any

import numpy as np

from effq_core.base.errors import ModelError
from effq_core.base.tensorflow import tf
from effq_core.intake.ending import ONE_OUTPUT_ENDS, Ending, is_logit
from effq_core.models.own.flat import FlatLayer, is_linear
from effq_core.models.own.image import activation_of

_Array = np.ndarray[Any, Any]
_HALVES = np.array([[-0.5, 0.5]], np.float32)
_NAME = "two_classes"


class OneOutput(StrEnum):
    """What the only output of a model is."""

    SIGMOID = "sigmoid"  # the probability of the second class
    LOGIT = "logit"  # a score before a sigmoid


def what_output(model: Any, found: _Array, ending: Ending | None = None) -> OneOutput:
    """Tells a score before a sigmoid from a probability, by the answers to photos, ``(n, 1)``.

    The last operator of the graph decides, else the last layer's word: those of mixed precision may
    pass on what they get. Raises ModelError if its last layer is neither.
    """
    if ending is not None:
        return OneOutput.LOGIT if is_logit(found, ending) else OneOutput.SIGMOID
    activation = _last_activation(model)
    if activation not in (None, "linear", "sigmoid"):
        raise ModelError(
            f"The model's one output ends in {activation}: it is no probability of one of two "
            "classes.",
            ONE_OUTPUT_ENDS,
        )
    sigmoid = activation == "sigmoid" or not is_logit(found, None)
    return OneOutput.SIGMOID if sigmoid else OneOutput.LOGIT


def both(call: Callable[[Any], Any], output: OneOutput) -> Callable[[Any], Any]:
    """Makes of a model from images to ``(n, 1)`` one to the probabilities of both, ``(n, 2)``."""

    def run(x: Any) -> Any:
        one = call(x)
        if output is OneOutput.LOGIT:
            return tf.nn.softmax(tf.concat([one * -0.5, one * 0.5], -1))
        return tf.concat([1.0 - one, one], -1)

    return run


def with_two_classes(
    layers: list[FlatLayer], weights: dict[str, list[_Array]], end: str, output: OneOutput
) -> tuple[str, str]:
    """Lets a list of layers end in two outputs and a softmax in place of one and a sigmoid.

    Changes ``layers`` and ``weights``. Returns the name of the layer that ends the list now, and
    why that cannot be done, or nothing.
    """
    if output is OneOutput.SIGMOID:
        last = next((each for each in layers if each.name == end), None)
        if last is None or last.config.get("activation") != "sigmoid" or _used(layers, end):
            return end, f"{end} (one output that is no sigmoid of a layer)"
        if last.kind == "Activation":
            layers.remove(last)
            end = last.inputs[0]
        else:
            config = {**last.config, "activation": "linear"}
            layers[layers.index(last)] = replace(last, config=config)
    last = next((each for each in layers if each.name == end), None)
    if last and last.kind == "Dense" and is_linear(last) and not _used(layers, end):
        config = {**last.config, "units": 2, "activation": "softmax"}
        layers[layers.index(last)] = replace(last, config=config)
        kernel, *bias = weights[end]
        weights[end] = [kernel @ _HALVES, *(each @ _HALVES for each in bias)]
        return end, ""
    config = {"units": 2, "activation": "softmax", "use_bias": False}
    layers.append(FlatLayer(_NAME, "Dense", config, (end,)))
    weights[_NAME] = [_HALVES]
    return _NAME, ""


def _used(layers: list[FlatLayer], name: str) -> bool:
    return any(name in each.inputs for each in layers)


def _last_activation(model: Any) -> str | None:
    while model is not None and getattr(model, "layers", None):
        model = model.layers[-1]
    given = model.get_config() if hasattr(model, "get_config") else {}
    return activation_of(given["activation"]) if "activation" in given else None
