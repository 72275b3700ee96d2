"""A model as a graph of constants: what is kept of one whose layers EffQ does not know."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from effq_core.base.errors import ModelError
from effq_core.base.reporting import Reporter
from effq_core.base.tensorflow import tf
from effq_core.models.own.bounds import words
from effq_core.models.own.card import GRAPH_FILE
from effq_core.photos.image_input import COLOUR

from tensorflow.core.framework import graph_pb2
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

INPUT = "image"
OUTPUT = "effq_probabilities"

COMPUTING = words("""
    Const Placeholder Identity IdentityN NoOp StopGradient EnsureShape Cast Shape ShapeN Size Rank
    Conv2D DepthwiseConv2dNative Conv2DBackpropInput BiasAdd MatMul BatchMatMulV2 BatchMatMulV3
    Einsum FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 LRN
    Relu Relu6 LeakyRelu Elu Selu Sigmoid Tanh Softmax LogSoftmax Softplus Softsign Erf Erfc
    Add AddV2 AddN Sub Mul Div RealDiv DivNoNan FloorDiv FloorMod Maximum Minimum Neg Abs Sign
    Square SquaredDifference Sqrt Rsqrt Reciprocal Exp Log Log1p Pow Floor Ceil Round ClipByValue
    Sin Cos Tan
    Mean Sum Max Min Prod All Any ArgMax
    MaxPool MaxPoolV2 AvgPool Pad PadV2 MirrorPad
    Reshape Squeeze ExpandDims Transpose ConcatV2 Concat Split SplitV Pack Unpack Tile
    BroadcastTo Fill Range Slice StridedSlice GatherV2 ZerosLike OnesLike OneHot
    SpaceToBatchND BatchToSpaceND SpaceToDepth DepthToSpace
    ResizeBilinear ResizeNearestNeighbor
    Equal NotEqual Less LessEqual Greater GreaterEqual LogicalAnd LogicalOr LogicalNot
    Select SelectV2 ReverseV2 Cumsum TopKV2
""")
"""Operators that compute their output from their inputs and touch nothing else."""
_STORING = words("""
    VarHandleOp ReadVariableOp AssignVariableOp VarIsInitializedOp VariableV2 Assign
    SaveV2 RestoreV2 MergeV2Checkpoints ShardedFilename StringJoin StaticRegexFullMatch
    StatefulPartitionedCall PartitionedCall Select If StatelessIf Assert
    AssignSubVariableOp AssignAddVariableOp DisableCopyOnRead While StatelessWhile
    RandomUniform RandomUniformInt RandomStandardNormal StatelessRandomUniformV2
    StatelessRandomUniformIntV2 StatelessRandomNormalV2 StatelessRandomGetKeyCounter
    StatelessRandomGetKeyCounterAlg StatelessRandomGetAlg RngReadAndSkip
    ImageProjectiveTransformV3 AdjustContrastv2 Bitcast BroadcastArgs
""")
"""Operators of a SavedModel's variables and calls, run by TensorFlow's own restoring only."""
_FILES = words("SaveV2 RestoreV2 MergeV2Checkpoints ShardedFilename")  # in save and restore only


def check_operators(names: Iterable[str], *, saved_model: bool = False) -> None:
    """Refuses (ModelError) operators that do more than compute, but a SavedModel's if asked."""
    _refuse(set(names) - COMPUTING - (_STORING if saved_model else set()))


def random_operators(names: Iterable[str]) -> list[str]:
    """Returns those of some operators that draw random numbers, as augmentation does."""
    return sorted(name for name in names if "Random" in name or name.startswith("Rng"))


def augmenting(random: Sequence[str]) -> ModelError:
    """Says that a graph still changes its photos at random, and what to give instead."""
    return ModelError(
        f"The graph still augments photos at random ({', '.join(random[:3])}).",
        "Save it from Keras with model.save('model.keras'), and add that file: its augmentation "
        "layers are left out.",
    )


def _refuse(strange: set[str]) -> None:
    if random := random_operators(strange):
        raise augmenting(random)
    if strange:
        named = ", ".join(sorted(strange)[:5])
        raise ModelError(
            f"The model's graph has operators that are not taken: {named}.",
            "Only arithmetic is: nothing that reads files, keeps state or calls Python. Leave that "
            "layer out, or convert the model yourself and add the .tflite file.",
        )


def operators(graph: Any) -> set[str]:
    """Returns the types of a GraphDef's operators, those of its functions included."""
    found = {node.op for node in graph.node}
    names = {function.signature.name for function in graph.library.function}
    for function in graph.library.function:
        found |= {node.op for node in function.node_def}
    return found - names  # a function may be called by its name


def freeze_callable(call: Callable[[Any], Any], image_size: int, channels: int = COLOUR) -> Any:
    """Traces a model for one image and makes its variables constants; may raise ModelError.

    From float32 ``(1, side, side, channels)`` to ``(1, classes)``. Returns a GraphDef of known
    operators from :data:`INPUT` to :data:`OUTPUT`.
    """
    spec = tf.TensorSpec((1, image_size, image_size, channels), tf.float32, name=INPUT)
    graph, end = _constant(lambda image: call(image), spec)
    if _without_compiling(graph):
        graph, end = _constant(lambda image: _imported(graph, image, f"{end}:0"), spec)
    check_operators(operators(graph))
    for each in graph.node:
        if each.name == OUTPUT:
            raise ModelError(f"A layer is called {OUTPUT!r}.", "Give it another name.")
    last = graph.node.add()
    last.name, last.op = OUTPUT, "Identity"
    last.input.append(end)
    last.attr["T"].type = tf.float32.as_datatype_enum
    return graph


def frozen_call(
    call: Callable[[Any], Any], image_size: int, channels: int = COLOUR
) -> Callable[[Any], Any]:
    """Makes a stranger's model one of known operators for another graph, or raises ModelError."""
    spec = tf.TensorSpec((1, image_size, image_size, channels), tf.float32)
    # What nothing depends on is not in a frozen graph: it would not run, and not be told either.
    traced = tf.function(call, input_signature=[spec]).get_concrete_function().graph
    _refuse(operators(traced.as_graph_def()) & _FILES)
    graph = freeze_callable(call, image_size, channels)
    return lambda image: _imported(graph, image, f"{OUTPUT}:0")


def _constant(call: Callable[[Any], Any], spec: Any) -> tuple[Any, str]:
    # An identity of ours at the end: its first and only output is the model's.
    traced = tf.function(lambda image: tf.identity(call(image)), input_signature=[spec])
    constant = convert_variables_to_constants_v2(
        traced.get_concrete_function(), aggressive_inlining=True
    )
    return constant.graph.as_graph_def(), constant.outputs[0].op.name


def _without_compiling(graph: Any) -> bool:
    """Lets functions be inlined that Keras wrapped to be compiled, as grouped convolutions are."""
    found = False
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    for attributes in [*(n.attr for n in nodes), *(f.attr for f in graph.library.function)]:
        if "_XlaMustCompile" in attributes:
            del attributes["_XlaMustCompile"]
            found = True
    return found


def _imported(graph: Any, image: Any, output: str) -> Any:
    return tf.graph_util.import_graph_def(
        graph, input_map={f"{INPUT}:0": image}, return_elements=[output], name="own"
    )[0]


def write_graph(graph: Any, folder: Path) -> None:
    """Writes a graph of :func:`freeze_callable` into a folder."""
    (folder / GRAPH_FILE).write_bytes(graph.SerializeToString(deterministic=True))


class GraphModel:
    """A kept graph called like a Keras model, for inference only; may raise ModelError."""

    def __init__(self, folder: Path) -> None:
        self._graph = graph_pb2.GraphDef()
        try:
            self._graph.ParseFromString((folder / GRAPH_FILE).read_bytes())
            (image,) = [node for node in self._graph.node if node.name == INPUT]
            sides = [side.size for side in image.attr["shape"].shape.dim]
        except (OSError, DecodeError, ValueError) as error:
            raise ModelError(
                f"The model's graph cannot be read: {type(error).__name__}.", "Add the model again."
            ) from error
        check_operators(operators(self._graph))
        self.input_shape = (None, *sides[1:])

    def __call__(self, images: Any, training: bool = False) -> Any:
        """Returns float32 ``(1, classes)`` of a float32 image, only inside of another graph."""
        if training:
            raise ModelError("A graph of constants cannot be trained.")
        return _imported(self._graph, images, f"{OUTPUT}:0")

    def predict_many(self, images: np.ndarray[Any, Any], reporter: Reporter) -> Any:
        """Answers uint8 ``(n, side, side, channels)`` with float32 ``(n, classes)``, one by one."""
        run, answers = tf.function(lambda image: self(tf.cast(image, tf.float32))), []
        for number, image in enumerate(images, start=1):
            reporter.check_cancelled()
            answers.append(run(tf.constant(image[None])).numpy())
            reporter.progress(number, len(images))
        return np.concatenate(answers)

    def count_params(self) -> int:
        """Returns how many numbers its constants of more than one dimension hold."""
        total = 0
        for node in self._graph.node:
            if node.op == "Const":
                sides = [d.size for d in node.attr["value"].tensor.tensor_shape.dim]
                total += int(tf.reduce_prod(sides)) if len(sides) >= 1 else 0
        return total
