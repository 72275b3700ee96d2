"""What gates are called, and what each one protects against, for people. Pure functions."""

from __future__ import annotations

import re

LABELS_GATE = "answers_fit_labels"
"""The gate that fails where a model has nothing to do with its photos' labels."""

_TITLES = {
    "disjoint": "No photo serves two purposes",
    "agreement_with_float32": "Agrees with float32 as its accuracy allows",
    LABELS_GATE: "Answers fit the photos' labels",
    "lookalikes": "No evaluation photo has a look-alike the model was made with",
    "xnnpack_vs_reference": "Fast and plain kernels agree",
    "keras_vs_tflite": "The file answers as the Keras model does",
    "no_float_tensors": "Integer throughout",
    "fake_quant_count": "Fake-quant is everywhere it must be",
    "same_operators": "The same operators as Int8 (PTQ)",
    "recipe_as_asked": "Floats exactly where the recipe says",
}
_PURPOSES = {
    "agreement_with_float32": (
        "Outputs in another order, or another model's file, would otherwise pass for a loss by "
        "quantization. A real loss, however large, passes: accuracy shows it."
    ),
    LABELS_GATE: (
        "A model that is fed otherwise than it was trained, or has its labels in another order, "
        "answers at random: nothing measured on it means anything."
    ),
    "xnnpack_vs_reference": (
        "LiteRT's fast CPU kernels are set against its slow, plain ones: a fault in the fast ones "
        "would otherwise pass for a loss by quantization. Rounding is no fault."
    ),
    "keras_vs_tflite": (
        "The model before conversion is set against the file: a fault of the conversion would "
        "otherwise pass for a loss by quantization."
    ),
    "no_float_tensors": (
        "A single tensor left in floats would keep the file from integer-only chips and make it "
        "slower than it could be."
    ),
    "fake_quant_count": (
        "Without a fake-quant operator at every weight and activation, training would not be "
        "quantization-aware, whatever it is called."
    ),
    "same_operators": (
        "Files of different operators would differ in speed for another reason than their numbers."
    ),
    "recipe_as_asked": (
        "A block that is not in the precision it was asked for would have its loss, its size and "
        "its time put down to another one."
    ),
}
_DISJOINT = "_disjoint"
DISJOINT = "disjoint"
"""Stands for all gates that no photo serves two purposes."""
_LOOKALIKES = "_evaluation_lookalikes"
LOOKALIKES = "lookalikes"
"""Stands for all gates that no evaluation photo looks like another sample's."""


def gate_title(name: str) -> str:
    """Names a gate for people.

    Args:
        name: Such as ``keras_vs_tflite`` or ``calibration_evaluation_disjoint``.

    Returns:
        What holds where it passes; the name in words where it is not known.
    """
    if name.endswith(_DISJOINT):
        first, _, second = name.removesuffix(_DISJOINT).partition("_")
        return f"No photo is for both {first} and {second}"
    if name.endswith(_LOOKALIKES):
        role = name.removesuffix(_LOOKALIKES)
        return f"No evaluation photo looks like one for {'the head' if role == 'head' else role}"
    return _TITLES.get(name) or name.replace("_", " ")


def gate_purpose(name: str) -> str:
    """Says what a gate protects against.

    Args:
        name: The gate's.

    Returns:
        One sentence; empty where it is not known.
    """
    if name == DISJOINT or name.endswith(_DISJOINT):
        return "A model that is judged on photos it was made with looks better than it is."
    if gate_family(name) == LOOKALIKES:
        return (
            "A copy of a training photo is answered from memory, however it was compressed, "
            "resized, cropped or brightened: accuracy looks better than it is."
        )
    return _PURPOSES.get(name, "")


def gate_family(name: str) -> str:
    """Returns what gates are listed under: their name, or that of all gates of their kind."""
    if name.endswith(_LOOKALIKES):
        return LOOKALIKES
    return DISJOINT if name.endswith(_DISJOINT) else name


def plainly(text: str) -> str:
    """Rewrites what a run stored on its gates and warnings in the words of the pages.

    Args:
        text: A gate's detail, or a warning.

    Returns:
        The same with titles of gates, photos for images, and no underscores of a program.
    """
    text = re.sub(
        r"\b([Tt])he gate (\w+) failed",
        lambda found: f"{found[1]}he check “{gate_title(found[2])}” failed",
        text,
    )
    # Names of files stand in quotes and stay as they are.
    text = re.sub(
        r"“[^”]*”|\bimage(s?)\b",
        lambda found: found[0] if found[0][0] == "“" else f"photo{found[1]}",
        text,
    )
    return text.replace("per_channel", "per-channel").replace("per_tensor", "per-tensor")
