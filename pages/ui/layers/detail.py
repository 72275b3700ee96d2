"""One block, and one operator of it: its values under int8's grid, its weights, its channels."""

import math

import streamlit as st

from effq_core.base import formatting as fmt
from effq_core.base.glossary import tip
from effq_core.charts.layer_histograms import activation_chart, channels_chart, kernel_chart
from effq_core.layers.signal_tensors import TensorSignal
from effq_core.layers.words import block_title, layer_title
from effq_core.tflite.network import Block, Op
from effq_core.tflite.operators import operator_kind
from pages.ui.common.remembered import remembered
from pages.ui.common.show import chart, escape
from pages.ui.layers.source import Known

OPERATOR = "layers_operator_"  # how the key of a block's chosen operator begins


def show_detail(known: Known, block: Block) -> Op:
    """Draws what is known about a block and one of its operators, and returns that one."""
    st.subheader(escape(block_title(block)), anchor=False, help=_help(block))
    numbers: list[tuple[str, str, str]] = []
    effect = known.effect.by_name.get(block.name) if known.effect else None
    if effect is not None:
        numbers += [
            ("Alone in int8", fmt.millinats(effect.only_kl), tip("only_int8")),
            ("Left when kept out", fmt.millinats(effect.without_kl), tip("kept_out")),
        ]
    signal = known.signal.by_block() if known.signal else ()
    for each in signal:
        if each.block == block.name:
            numbers += [
                ("SQNR in", decibels(each.input_db), tip("sqnr")),
                ("SQNR out", decibels(each.output_db), tip("block_sqnr")),
                ("Clipped, at worst", fmt.percent(each.clipped.clipped_share, 3),
                 tip("clipped_share")),
            ]  # fmt: skip
    if effect is not None and effect.extra_float16 is not None:
        share = f"+{fmt.kib(effect.extra_float16)}"
        numbers.append(("Kept in float16", share, tip("keep_precision")))
    with st.container(horizontal=True, gap="medium", key="layers_numbers"):
        for label, value, text in numbers:
            st.metric(label, value, help=text, width=160)
    op = _choose(known, block)
    if known.signal is not None:
        _operator(known, op)
    return op


def _help(block: Block) -> str:
    terms = {"Fused-MBConv": "fused_mbconv", "MBConv": "mbconv", "Stem": "stem", "Head": "head"}
    kind = block_title(block).partition(": ")[2].split(",")[0]
    return tip(terms.get(kind, "block"))


def decibels(value: float) -> str:
    """Writes an SQNR; where nothing is lost, it has no number."""
    return "no loss" if value == math.inf else fmt.decibels(value)


def _choose(known: Known, block: Block) -> Op:
    signals = known.signal.by_tensor if known.signal else {}
    ops = {op.tensor: op for op in block.ops}
    number = {tensor: place for place, tensor in enumerate(ops, 1)}
    key = OPERATOR + block.name
    if st.session_state.get(key) not in ops:
        st.session_state[key] = _telling(block, signals)

    def title(tensor: str) -> str:
        op, signal = ops[tensor], signals.get(tensor)
        found = f" · {decibels(signal.sqnr_db)}" if signal else ""
        # Numbered: Streamlit tells options apart by what they are called.
        return f"{number[tensor]} · {layer_title(op.layer)} · {operator_kind(op.kind).title}{found}"

    chosen = st.selectbox("Operator", list(ops), format_func=title, key=key, help=tip("operators"))
    return ops[chosen]


def _telling(block: Block, signals: dict[str, TensorSignal]) -> str:
    """Returns the operator with weights that loses most, of those that make maps if any do."""
    known = [op for op in block.ops if op.kernel and op.tensor in signals]
    known = [op for op in known if math.prod(op.shape[:-1]) > 1] or known
    worst = min(known, key=lambda op: signals[op.tensor].sqnr_db, default=None)
    return (worst or block.ops[-1]).tensor


def _operator(known: Known, op: Op) -> None:
    record = known.signal
    signal = record.by_tensor.get(op.tensor) if record else None
    kernel = record.kernel_of.get(op.tensor) if record else None
    if signal is None:
        st.info("int8 has no such tensor: the converter merged the operator into another.")
        return
    columns = st.columns(3 if kernel else 1, gap="medium")
    with columns[0]:
        st.markdown("**Activations** and int8's grid", help=tip("int8_grid"))
        chart(remembered(activation_chart, signal), key="layers_activation")
    if kernel is not None:
        with columns[1]:
            st.markdown("**Weights** and int8's grid", help=tip("per_channel"))
            chart(remembered(kernel_chart, kernel), key="layers_kernel")
        with columns[2]:
            st.markdown("**Range of each channel**", help=tip("range_spread"))
            chart(remembered(channels_chart, kernel), key="layers_channels")
    photos = fmt.counted(signal.images, "evaluation photo")
    parts = [
        f"On {photos}: SQNR {decibels(signal.sqnr_db)}, of the median photo "
        f"{decibels(signal.typical_db)}, of the median channel {decibels(signal.channel_db)}",
        f"cosine {fmt.decimals(signal.cosine, 4)}",
        f"values from {fmt.plain(signal.low)} to {fmt.plain(signal.high)}",
    ]
    if signal.scale is None:
        parts.append("kept in floats")
    else:
        parts += [
            f"int8 from {fmt.plain(signal.int8_low)} to {fmt.plain(signal.int8_high)} in steps of "
            f"{fmt.plain(signal.scale)}",
            f"{fmt.percent(signal.clipped_share, 3)} clipped",
            f"{fmt.percent(signal.used_share, 0)} of the range used",
        ]
    st.caption(escape(" · ".join(parts)), help=tip("cosine"))
