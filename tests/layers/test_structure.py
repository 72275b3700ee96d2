"""What a float32 file is made of: operators, layers and blocks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from effq_core.base.errors import ModelError
from effq_core.results.document import REFERENCE_FOLDER
from effq_core.runtimes.registry import inspect_file
from effq_core.tflite.naming import DEPTHWISE, RESIDUALS, SQUEEZE_EXCITE, layer_name
from effq_core.tflite.network import BlockKind, Network, read_network
from tests.layers.planted import Made

V2_B0 = REFERENCE_FOLDER / "files" / "float32" / "model.tflite"


@pytest.fixture(scope="module")
def v2() -> Network:
    return read_network(V2_B0)


def test_v2_b0_is_a_stem_six_stages_and_a_head(v2: Network) -> None:
    # Tan and Le 2021, table 4, in the B0 widths of Keras: repeats of each stage.
    repeats = Counter(block.stage for block in v2.blocks)
    assert repeats == {None: 2, 1: 1, 2: 2, 3: 2, 4: 3, 5: 5, 6: 8}
    kinds = Counter(block.kind for block in v2.blocks)
    assert kinds == {
        BlockKind.STEM: 1,
        BlockKind.FUSED_MBCONV: 5,
        BlockKind.MBCONV: 16,
        BlockKind.HEAD: 1,
    }
    assert [v2.blocks[0].name, v2.blocks[1].name, v2.blocks[-1].name] == ["stem", "block1a", "head"]


def test_se_and_residuals_are_where_the_architecture_has_them(v2: Network) -> None:
    with_se = {block.name for block in v2.blocks if block.has_se}
    assert with_se == {b.name for b in v2.blocks if b.kind is BlockKind.MBCONV}
    residual = {block.name for block in v2.blocks if block.has_residual}
    # The first block of a stage changes the width, so nothing can be added to it.
    assert residual == {b.name for b in v2.blocks if b.stage and b.name[-1] != "a"}


def test_every_operator_and_weight_of_the_file_is_in_one_block(v2: Network) -> None:
    report = inspect_file(V2_B0)
    assert Counter(op.kind for op in v2.ops) == report.ops
    assert sorted(op.index for op in v2.ops) == list(range(report.main_ops))
    weights = sum(op.weights for op in v2.ops)
    # All stored floats but a few constants of a handful of values.
    assert 0 <= report.weight_bytes["FLOAT32"] - 4 * weights < 4000
    layers = [name for block in v2.blocks for name in block.layers]
    assert len(layers) == len(set(layers))
    assert sum(len(ops) for block in v2.blocks for ops in block.layers.values()) == len(v2.ops)


def test_an_activation_belongs_to_the_convolution_before_it(v2: Network) -> None:
    layers = v2.by_name["block4b"].layers
    assert list(layers) == [
        f"block4b_{name}"
        for name in ("expand_conv", "dwconv2", "se_reduce", "se_expand", "project_conv")
    ]
    assert [op.kind for op in layers["block4b_expand_conv"]] == ["CONV_2D", "LOGISTIC", "MUL"]
    assert layers["block4b_project_conv"][-1].kind == "ADD"


def test_tensors_are_found_by_block_and_by_layer_and_unknown_names_refused(v2: Network) -> None:
    block = v2.by_name["block2a"]
    by_layer = v2.tensors_of(list(block.layers))
    assert v2.tensors_of(["block2a"]) == by_layer == block.tensors
    assert v2.tensors_of(["block2a", "block2a_expand_conv"]) == block.tensors
    with pytest.raises(ModelError, match="block9z") as caught:
        v2.tensors_of(["block9z"])
    assert "block1a" in caught.value.hint


def test_the_same_part_of_every_block_can_be_named_together(v2: Network) -> None:
    found = v2.tensors_of([RESIDUALS])
    assert len(found) == sum(block.has_residual for block in v2.blocks) == 15
    assert set(v2.tensors_of([RESIDUALS, "block2b"])) == {*found, *v2.by_name["block2b"].tensors}
    named = [name for block in v2.blocks for name in block.layers]
    for group, end in ((DEPTHWISE, ("dwconv2",)), (SQUEEZE_EXCITE, ("se_reduce", "se_expand"))):
        layers = [name for name in named if name.endswith(end)]
        assert set(v2.tensors_of([group])) == set(v2.tensors_of(layers))
    with pytest.raises(ModelError, match=RESIDUALS):
        Network(v2.blocks[:2]).tensors_of([RESIDUALS])


def test_another_efficientnet_is_read_the_same_way(planted: Made) -> None:
    network = read_network(planted.float32)
    kinds = {block.name: block.kind for block in network.blocks}
    assert kinds == {
        "stem": BlockKind.STEM,
        "block1a": BlockKind.FUSED_MBCONV,
        "block2a": BlockKind.FUSED_MBCONV,
        "block3a": BlockKind.MBCONV,
        "block4a": BlockKind.MBCONV,
        "block4b": BlockKind.MBCONV,
        "head": BlockKind.HEAD,
    }
    assert [b.name for b in network.blocks if b.has_residual] == ["block1a", "block4a", "block4b"]


@pytest.mark.parametrize(
    ("tensor", "layer"),
    [
        ("net/stem_bn/FusedBatchNormV3;net/stem_conv/Conv2D1", "stem_conv"),
        ("net/block4b_bn/x;net/block4b_dwconv2/depthwise", "block4b_dwconv2"),
        ("net/predictions/MatMul;net/predictions/BiasAdd", "predictions"),
        ("net/block1a_add/add", "block1a_add"),
        ("net/avg_pool/Mean", "avg_pool"),
        ("PartitionedCall:0", "PartitionedCall"),
    ],
)
def test_a_layer_is_found_in_the_name_of_a_tensor(tensor: str, layer: str) -> None:
    assert layer_name(tensor) == layer


@pytest.mark.parametrize("content", [b"", b"not a model", bytes(64)])
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        read_network(content)
