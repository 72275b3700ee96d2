"""Files and models people bring, and weights of fewer than eight bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from effq_core.base.errors import ModelError
from effq_core.base.settings import Home
from effq_core.intake.adding import Checked, Offer, check
from effq_core.intake.keeping import keep
from effq_core.intake.steps import StepState
from effq_core.models.class_names import parse_labels
from effq_core.models.own.card import OwnCard, Preprocessing, variant_problem
from effq_core.tflite import hybrid
from effq_core.tflite.file import read_tflite, unpack
from effq_core.tflite.hybrid import HybridKernel, hybrid_layers, with_hybrid_kernels
from effq_core.tflite.matrices import (
    TYPES,
    few_bits_problem,
    fitting_bits,
    matrix_products,
    set_scales,
    with_kernels,
    with_matrices,
)
from effq_core.tflite.rewriting import pack
from tests.models.own_files import classifier
from tests.quantize.test_dynamic import made
from tests.tflite.kernels import rounded_kernel
from tests.tflite.small_files import float32_file, int8_file

OFFER = Offer("net.tflite", parse_labels("a\nb\nc\nd"), Preprocessing.RAW)


def bring(home: Home, content: bytes, folder: Path) -> Checked:
    path = folder / "net.tflite"
    path.write_bytes(content)
    return check(home, path, OFFER)


def operators(checked: Checked) -> tuple[str, StepState]:
    [step] = [each for each in checked.steps if each.title == "Look at its operators"]
    return step.detail, step.state


def integers(bits: int) -> bytes:
    matrices = with_matrices(int8_file())
    fitting = {op: fitting_bits(op, bits) for op in matrix_products(matrices)}
    kernels = {op.output.name: rounded_kernel(op, width) for op, width in fitting.items()}
    return with_kernels(matrices, kernels)


def test_bits_and_what_they_need_are_told(home: Home, tmp_path: Path) -> None:
    told, state = operators(bring(home, integers(4), tmp_path))
    assert state is StepState.DONE
    assert "Of 7 layers, 3 with 4-bit, 4 with 8-bit weights. Its 4-bit weights need" in told
    assert "2.0.3 or later to be fast" in told
    told, _ = operators(bring(home, integers(2), tmp_path))
    assert "3 with 2-bit" in told and "2.2.0 or later" in told
    told, _ = operators(bring(home, int8_file(), tmp_path))
    assert told.endswith("all built in."), "nothing is said of eight bits"


@pytest.mark.usefixtures("xnnpack")
def test_groups_are_measured_truly(home: Home, tmp_path: Path) -> None:
    content, _ = made(with_matrices(float32_file()), 4)
    told, state = operators(bring(home, content, tmp_path))
    assert state is StepState.DONE and "with 32-bit weights. Its 4-bit weights need" in told
    assert "ai-edge-litert 2.3.0 or later. tflite-runtime" in told


def test_convolutions_of_four_bits_are_slow_and_that_is_said(home: Home, tmp_path: Path) -> None:
    op = next(op for op in hybrid_layers(float32_file()) if op.kind.name == "CONV_2D")
    assert op.kernel is not None
    weights = op.kernel.values.reshape(op.kernel.shape[0], -1).astype(np.float64)
    scales = np.maximum(np.abs(weights).max(axis=1), 1e-4) / 7
    values = np.round(weights / scales[:, None]).astype(np.int8)
    kernel = HybridKernel(values=values, scales=scales, bits=4)
    content = with_hybrid_kernels(float32_file(), {op.output.name: kernel})
    told, state = operators(bring(home, content, tmp_path))
    assert state is StepState.WARNING
    assert "XNNPACK runs no 4-bit convolution: 1 will be slow." in told


@pytest.mark.usefixtures("xnnpack")
def test_groups_that_litert_computes_wrongly_are_refused(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups of 16 leave XNNPACK, and LiteRT's own kernels answer garbage without an error."""
    monkeypatch.setattr(hybrid, "GROUP", 16)
    source = with_matrices(float32_file())
    kernels = {}
    for op in hybrid_layers(source):
        if op.kind.name == "FULLY_CONNECTED" and op.kernel and op.kernel.shape[-1] % 32 == 0:
            weights = op.kernel.values.astype(np.float64)
            groups = weights.reshape(len(weights), -1, 16)
            scales = np.maximum(np.abs(groups).max(axis=2) / 7, hybrid.LEAST_SCALE)
            values = np.round(groups / scales[..., None]).astype(np.int8).reshape(weights.shape)
            kernels[op.output.name] = HybridKernel(values=values, scales=scales, bits=4)
    with pytest.raises(ModelError, match="computes wrong answers from its weights of few bits"):
        bring(home, with_hybrid_kernels(source, kernels), tmp_path)


def test_two_bit_convolutions_are_refused(home: Home, tmp_path: Path) -> None:
    model = unpack(float32_file())
    op = next(op for op in read_tflite(float32_file()).main.operators if op.kind.name == "CONV_2D")
    assert op.kernel is not None
    kernel, outputs = model.subgraphs[0].tensors[op.kernel.index], op.kernel.shape[0]
    kernel.type = TYPES[2]
    set_scales(kernel, np.ones(outputs))
    model.buffers[kernel.buffer].data = np.zeros(-(-int(np.prod(op.kernel.shape)) // 4), np.uint8)
    with pytest.raises(ModelError, match="2-bit weights in CONV_2D"):
        bring(home, pack(model), tmp_path)


def test_a_model_that_would_gain_nothing_is_told_before_running(home: Home, tmp_path: Path) -> None:
    def body(keras: object, x: object) -> object:
        layers = keras.layers  # type: ignore[attr-defined]
        x = layers.Rescaling(1 / 127.5, -1)(x)
        return layers.GlobalAveragePooling2D()(layers.Conv2D(7, 3, activation="relu")(x))

    path = tmp_path / "net.keras"
    classifier(2, body).save(str(path))  # type: ignore[arg-type]
    labels = parse_labels("astronaut\ncamera\ncat\nclock")
    offer = Offer("net.keras", labels, Preprocessing.INSIDE)
    card = keep(home, check(home, path, offer), "Poor")
    assert isinstance(card, OwnCard)
    assert "no 1×1 convolution or Dense layer with an even number" in card.few_bits_problem
    assert card.title in variant_problem(card, "dynamic_int4")
    assert variant_problem(card, "dynamic_range") == ""


def test_an_operator_that_nobody_can_train_is_named_before_running(
    home: Home, tmp_path: Path
) -> None:
    def body(keras: object, x: object) -> object:
        layers = keras.layers  # type: ignore[attr-defined]
        x = layers.Conv2D(8, 1, activation="relu")(layers.Rescaling(1 / 127.5, -1)(x))
        return layers.GlobalAveragePooling2D()(layers.Permute((2, 1, 3))(x))

    path = tmp_path / "net.keras"
    classifier(2, body).save(str(path))  # type: ignore[arg-type]
    labels = parse_labels("astronaut\ncamera\ncat\nclock")
    offer = Offer("net.keras", labels, Preprocessing.INSIDE)
    card = keep(home, check(home, path, offer), "Turned")
    assert isinstance(card, OwnCard)
    assert card.train_problem == "EffQ cannot train through TRANSPOSE"
    assert "TRANSPOSE" in variant_problem(card, "int4_qat")
    assert variant_problem(card, "int4") == ""


def test_what_could_have_few_bits_is_read_off_the_file() -> None:
    assert few_bits_problem(float32_file()) == few_bits_problem(int8_file()) == ""
    assert "no 1×1 convolution or Dense layer" in few_bits_problem(float32_file(products=False))
