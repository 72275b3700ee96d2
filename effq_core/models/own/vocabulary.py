"""What a Keras file may be made of: known layers, known functions, no code."""

from collections.abc import Collection, Iterator
from typing import Any

from effq_core.base.errors import ModelError
from effq_core.models.own.bounds import is_constant, is_slice, odd_value, words

MODELS = frozenset({"Functional", "Sequential", "Model"})
LAYERS = words("""
    InputLayer Conv2D DepthwiseConv2D SeparableConv2D Conv2DTranspose Dense EinsumDense
    BatchNormalization LayerNormalization GroupNormalization UnitNormalization
    SpectralNormalization Activation ReLU LeakyReLU PReLU ELU ThresholdedReLU Softmax
    Add Subtract Multiply Average Maximum Minimum Concatenate Dot
    MaxPooling2D AveragePooling2D GlobalAveragePooling2D GlobalMaxPooling2D
    Flatten Reshape Permute RepeatVector ZeroPadding2D Cropping2D UpSampling2D Identity
    Dropout SpatialDropout2D GaussianDropout GaussianNoise AlphaDropout ActivityRegularization
    Rescaling Normalization Resizing CenterCrop
    RandomFlip RandomRotation RandomZoom RandomContrast RandomTranslation RandomBrightness
    RandomCrop RandomHeight RandomWidth
    MultiHeadAttention Attention Embedding
""")
"""Layers of Keras 2 and 3 that image classifiers are made of; they run nothing but arithmetic."""
AUGMENTING = words("""
    RandomColorDegeneration RandomColorJitter RandomElasticTransform RandomErasing
    RandomGaussianBlur RandomGrayscale RandomHue RandomInvert RandomPerspective
    RandomPosterization RandomSaturation RandomSharpness RandomShear
""")
"""Keras 3's newer augmentation, which does nothing at inference."""
_SCALING = words("LayerScale CustomScaleLayer Custom>CustomScaleLayer")  # of Keras Applications
_NOT_TAKEN = words("""
    AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
    AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D AdditiveAttention AugMix
    AutoContrast AveragePooling1D AveragePooling3D Bidirectional CategoryEncoding
    ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv3D Conv3DTranspose
    ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping3D CutMix DenseFeatures DepthwiseConv1D
    Discretization Equalization FlaxLayer GRU GRUCell GlobalAveragePooling1D
    GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling3D GroupedQueryAttention
    HashedCrossing Hashing IntegerLookup JaxLayer LSTM LSTMCell LocallyConnected1D
    LocallyConnected2D Masking MaxNumBoundingBoxes MaxPooling1D MaxPooling3D MelSpectrogram MixUp
    Pipeline RMSNormalization RNN RandAugment ReversibleEmbedding STFTSpectrogram SeparableConv1D
    SimpleRNN SimpleRNNCell Solarization SpatialDropout1D SpatialDropout3D StackedRNNCells
    StochasticDepth StringLookup TFSMLayer TextVectorization TimeDistributed TorchModuleWrapper
    UpSampling1D UpSampling3D Wrapper ZeroPadding1D ZeroPadding3D
""")
"""Keras' other layers, refused by name: an ``.h5`` file does not say whose a layer is."""
ACTIVATIONS = words("""
    linear relu relu6 elu selu gelu swish silu hard_sigmoid hard_swish hard_silu leaky_relu mish
    sigmoid softmax log_softmax softplus softsign tanh exponential celu glu hard_shrink hard_tanh
    log_sigmoid soft_shrink sparse_plus sparse_sigmoid squareplus tanh_shrink threshold
""")
# Initializers, regularizers, constraints, policies: they compute no answer.
_PARTS = words("""
    Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal VarianceScaling Orthogonal
    Identity IdentityInitializer GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal
    LecunUniform L1 L2 L1L2 OrthogonalRegularizer MaxNorm NonNeg UnitNorm MinMaxNorm
    DTypePolicy Policy FloatDTypePolicy DTypePolicyMap SeedGenerator
    GlorotNormalV2 GlorotUniformV2 HeNormalV2 HeUniformV2 ZerosV2 OnesV2 ConstantV2
""")
_TRAINING = words("""
    Adam AdamW SGD RMSprop Adagrad Adadelta Adafactor Adamax Nadam Ftrl Lamb Lion LossScaleOptimizer
    CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay
    PolynomialDecay
    CategoricalCrossentropy SparseCategoricalCrossentropy BinaryCrossentropy KLDivergence
    CategoricalFocalCrossentropy BinaryFocalCrossentropy MeanSquaredError MeanAbsoluteError
    Accuracy CategoricalAccuracy SparseCategoricalAccuracy BinaryAccuracy Precision Recall AUC Mean
    TopKCategoricalAccuracy SparseTopKCategoricalAccuracy
""")
"""Optimizers, losses and metrics: Keras makes those of a compiled model inside of another one."""
_MEASURES = words("""
    F1Score FBetaScore TruePositives TrueNegatives FalsePositives FalseNegatives
    CategoricalHinge Hinge SquaredHinge CosineSimilarity Poisson Huber LogCosh LogCoshError
    MeanAbsolutePercentageError MeanSquaredLogarithmicError RootMeanSquaredError Sum Dice Tversky
""")
_PLAIN = AUGMENTING | _SCALING | _MEASURES  # taken with plain settings only
_TF_INITIALIZERS = "tensorflow.python.ops.init_ops_v2"  # Keras 2 takes some from there
OPERATIONS = words("""
    Add Subtract Multiply Divide TrueDivide Maximum Minimum Relu Relu6 Sigmoid Softmax Silu Mean
    Reshape Transpose Concatenate Clip HardSigmoid HardSilu Gelu Tanh Abs Sqrt Square Power
    GetItem Stack Flip Take Squeeze ExpandDims Sum Max Min Pad Cast Negative LeakyRelu Elu Selu
    Softplus Exp Log Rsqrt LogSoftmax
""")
"""Keras 3 operations written between layers, such as ``x * 2``."""
TF_FUNCTIONS = words("""
    __operators__.add __operators__.sub __operators__.mul __operators__.truediv
    math.add math.subtract math.multiply math.truediv math.divide math.reduce_mean
    math.sigmoid math.tanh math.abs math.square math.sqrt
    nn.relu nn.relu6 nn.softmax nn.sigmoid nn.silu nn.swish nn.gelu nn.bias_add
    reshape concat transpose clip_by_value cast identity
    compat.v1.transpose compat.v1.squeeze squeeze expand_dims stack reverse compat.v1.gather
    math.reduce_sum math.reduce_max math.reduce_min compat.v1.pad pad math.negative
    __operators__.neg nn.leaky_relu nn.elu nn.selu math.maximum math.minimum math.pow math.exp
    math.log math.rsqrt
""")
"""The same in Keras 2, where any function of TensorFlow could be named."""
_SLICE = "__operators__.getitem"  # what ``x[..., ::-1]`` is in Keras 2
_MODULES = ("keras", "keras.src", "tf_keras", "tf_keras.src", "builtins", "tensorflow.keras")
NEVER_BUILT = frozenset({"compile_config"})  # left out of a file loaded without optimizer
_MOST_NODES = 400_000


def check_config(config: dict[str, Any], never_built: Collection[str] = ()) -> int:
    """Counts the layers of a configuration; ModelError if it holds code or anything unknown."""
    layers = 0
    built = {name: part for name, part in config.items() if name not in never_built}
    for count, node in enumerate(_nodes(built)):
        if count > _MOST_NODES:
            raise ModelError("The file's configuration is larger than any image classifier's.")
        kind = node.get("class_name")
        if "class_name" in node:
            _check_object(node)
            layers += kind in LAYERS | AUGMENTING | _SCALING and kind != "InputLayer"
        _check_activations(node)
    return layers


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Walks all objects without recursion: a file may nest them deeper than Python can."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _check_object(node: dict[str, Any]) -> None:
    kind, module = node["class_name"], node.get("module")
    named = _named(node)
    if not isinstance(kind, str):
        raise _custom(str(kind)[:60], named)
    if "Lambda" in kind and kind not in ("TFOpLambda", "SlicingOpLambda"):
        raise ModelError(
            f"The file has a Lambda layer{named}: Python code that would run when it is loaded.",
            "Rebuild the model with Keras' own layers (Rescaling, Activation, …) in its place.",
        )
    if kind == "__lambda__":
        raise ModelError(
            f"The file holds Python byte code{named}.", "Rebuild it without Lambda layers."
        )
    if kind in ("TFOpLambda", "SlicingOpLambda"):
        _check_function(node, named)
        return
    if kind == "function":
        if node.get("config") not in ACTIVATIONS or module not in (None, "builtins"):
            raise _custom(str(node.get("config"))[:60], named)
        return
    if kind.startswith("__"):
        _check_constant(kind, node.get("config"), named)
        return
    if isinstance(module, str) and module.startswith("keras.src.ops."):
        if kind not in OPERATIONS:
            raise ModelError(
                f"The file uses Keras' operation {kind[:60]}{named} between layers, which EffQ "
                "does not take.",
                _INSTEAD,
            )
        _check_settings(kind, node, named)
        return
    registered = node.get("registered_name")
    ours = _is_keras(module) or (module == _TF_INITIALIZERS and kind in _PARTS)
    own_name = f"Custom>{kind}" if f"Custom>{kind}" in _SCALING else kind
    if registered not in (None, kind, own_name) or not ours:
        raise _custom(str(registered or f"{module}.{kind}")[:80], named)
    if kind in _PLAIN:
        _check_settings(kind, node, named)
    elif kind not in LAYERS | MODELS | _PARTS | _TRAINING:
        raise _not_taken(kind[:60], module, named)


def _check_constant(kind: str, config: Any, named: str) -> None:
    known = kind in ("__keras_tensor__", "__tuple__", "__ellipsis__")
    numbers = kind in ("__tensor__", "__numpy__") and is_constant(config)
    if not (known or numbers or (kind == "__slice__" and is_slice(config))):
        raise ModelError(
            f"The file holds a constant that is no array of numbers: {kind[:40]}{named}.", _INSTEAD
        )


def _check_settings(kind: str, node: dict[str, Any], named: str) -> None:
    config = node.get("config")
    if not isinstance(config, dict):
        raise ModelError(f"The file says nothing of {kind}{named}.", _INSTEAD)
    for name, value in config.items():
        named_so = name == "name" and isinstance(value, str)
        if not named_so and (odd := odd_value(value)) is not None:
            raise ModelError(
                f"The file sets {str(name)[:40]!r} of {kind}{named} to {str(odd)[:60]!r}, which "
                "EffQ does not take.",
                _INSTEAD,
            )


def _check_function(node: dict[str, Any], named: str) -> None:
    config = node.get("config")
    function = config.get("function") if isinstance(config, dict) else None
    known = {_SLICE} if node["class_name"] == "SlicingOpLambda" else TF_FUNCTIONS
    if not isinstance(function, str) or function not in known:
        raise ModelError(
            f"The file calls TensorFlow's {str(function)[:60]!r}{named} between layers, which "
            "EffQ does not take.",
            _INSTEAD,
        )


def _check_activations(node: dict[str, Any]) -> None:
    for name in ("activation", "recurrent_activation"):
        value = node.get(name)
        if isinstance(value, str) and value not in ACTIVATIONS:
            raise _custom(value[:60], _named(node))


def _is_keras(module: Any) -> bool:
    if module is None:
        return True
    return isinstance(module, str) and any(
        module == known or module.startswith(f"{known}.") for known in _MODULES
    )


def _named(node: dict[str, Any]) -> str:
    config = node.get("config")
    name = node.get("name") or (config.get("name") if isinstance(config, dict) else None)
    return f" ({str(name)[:60]!r})" if name else ""


def _not_taken(kind: str, module: Any, named: str) -> ModelError:
    """Tells Keras' own, which is not taken, from what only its author has."""
    if kind in _NOT_TAKEN:
        return ModelError(f"EffQ does not take Keras' layer {kind}{named}.", _INSTEAD)
    if module is None:
        return _custom(kind, named)
    return ModelError(f"EffQ does not take {module}.{kind}{named}.", _INSTEAD)


def _custom(what: str, named: str) -> ModelError:
    return ModelError(
        f"The file names {what!r}{named}, which Keras does not have: loading it would need code "
        "that came from elsewhere.",
        _INSTEAD,
    )


_INSTEAD = (
    "Build the model without it and save a .keras file, or convert it yourself and add the "
    ".tflite file."
)
