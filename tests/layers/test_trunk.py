from __future__ import annotations

from effq_core.layers.trace import trunk_of
from effq_core.tflite.network import Op, read_network


def op(index: int, tensor: str, *sources: str) -> Op:
    return Op(
        index=index,
        kind="ADD",
        tensor=tensor,
        shape=(1,),
        sources=sources,
        kernel=(),
        weights=0,
        layer=tensor,
        block="block",
    )


def test_a_chain_is_all_trunk() -> None:
    assert trunk_of([op(0, "a", "photo"), op(1, "b", "a"), op(2, "c", "b")]) == ("a", "b", "c")


def test_what_a_path_goes_around_is_no_trunk() -> None:
    ops = [op(0, "a", "photo"), op(1, "branch", "a"), op(2, "sum", "a", "branch")]
    assert trunk_of(ops) == ("a", "sum")
    assert trunk_of([op(0, "a", "photo"), op(1, "sum", "a", "photo")]) == ("sum",)


def test_gates_and_residual_branches_of_an_efficientnet_are_no_trunk(tiny_run) -> None:
    network = read_network(tiny_run.results.model_file("float32"))
    trunk = trunk_of(network.ops)
    kinds = {each.tensor: each for each in network.ops}
    assert len(trunk) == 49
    for block in network.blocks:
        # Whatever a block hands on goes on to the next one.
        assert block.ops[-1].tensor in trunk
        if block.has_residual:
            assert [name for name in block.tensors if name in trunk] == [block.ops[-1].tensor]
    assert not any("se_reduce" in kinds[name].layer for name in trunk)
