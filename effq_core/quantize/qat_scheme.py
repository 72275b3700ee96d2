"""TF-MOT's 8-bit scheme, completed for EfficientNets (imports TensorFlow).

What the stock scheme lacks for EfficientNetV2, and what is done about it here:

* ``Multiply`` (squeeze-excite) is refused: it gets an output quantizer.
* ``DepthwiseConv2D`` is quantized per tensor along an axis of size one: it gets one range a
  channel, as TensorFlow Lite's int8 kernels have.
* ``swish`` is executed as LOGISTIC and MUL, so its input needs a range as well as its output.
* ``ReLU`` right behind a layer with a kernel takes the kernel's range along with the output's: the
  kernel keeps its own. Behind Conv-BN the stock scheme does so already.
"""

from __future__ import annotations

from typing import Any

from effq_core.base.tensorflow import keras, tf
from effq_core.models.families.family import FakeQuant
from effq_core.quantize.fake_quant import ActivationQuantizer, InputQuantizer, WeightsQuantizer

from tensorflow_model_optimization.python.core.quantization.keras import (
    quantize,
    quantize_aware_activation,
    quantize_layer,
)
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_configs as stock_configs,
)
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_layout_transform as stock_layout,
)
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_registry as stock_registry,
)
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_scheme as stock_scheme,
)


class WeightedConfig(stock_registry.Default8BitQuantizeConfig):  # type: ignore[misc]
    """For layers with a kernel. ``axis``: Which axis of the kernel has the output channels."""

    def __init__(
        self, weight_attrs: list[str], activation_attrs: list[str], axis: int | None
    ) -> None:
        super().__init__(weight_attrs, activation_attrs, quantize_output=False)
        self.axis = axis
        self.weight_quantizer = WeightsQuantizer(axis)
        self.activation_quantizer = ActivationQuantizer()

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            "weight_attrs": self.weight_attrs,
            "activation_attrs": self.activation_attrs,
            "axis": self.axis,
        }


class OutputConfig(stock_configs.Default8BitOutputQuantizeConfig):  # type: ignore[misc]
    """For layers whose output is one operator's output."""

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        """Returns one per-tensor quantizer."""
        del layer
        return [ActivationQuantizer()] if self.quantize_output else []


class ActivationConfig(stock_registry.Default8BitActivationQuantizeConfig):  # type: ignore[misc]
    """For ``Activation`` layers: swish gets a range, softmax and sigmoid have a fixed one."""

    def get_output_quantizers(self, layer: Any) -> list[Any]:
        """Returns what the stock config would, with our quantizer."""
        return [ActivationQuantizer()] if super().get_output_quantizers(layer) else []


# Layers with a kernel: what it is called, and which of its axes has the output channels.
_KERNELS = {
    keras.layers.Conv2D: ("kernel", 3),
    keras.layers.DepthwiseConv2D: ("depthwise_kernel", 2),
    keras.layers.Dense: ("kernel", None),
}


def _weighted(kind: type[Any], activation_attrs: list[str]) -> WeightedConfig:
    name, axis = _KERNELS[kind]
    return WeightedConfig([name], activation_attrs, axis)


class _Registry(stock_registry.Default8BitQuantizeRegistry):  # type: ignore[misc]
    def __init__(self, needs: FakeQuant) -> None:
        super().__init__()
        layers = keras.layers
        self._layer_quantize_map.update(
            {
                **{kind: _weighted(kind, ["activation"]) for kind in _KERNELS},
                layers.Activation: ActivationConfig(),
                # Its int8 kernel keeps the scale of its input: a range would cost a QUANTIZE.
                layers.AveragePooling2D: stock_configs.NoOpQuantizeConfig(),
                **{getattr(layers, kind): OutputConfig() for kind in needs.outputs},
            }
        )


class _Layout(stock_layout.Default8BitQuantizeLayoutTransform):  # type: ignore[misc]
    def apply(self, model: Any, layer_quantize_map: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        model, layer_quantize_map = super().apply(model, layer_quantize_map)
        for entry in layer_quantize_map.values():
            config = entry.get("quantize_config")
            if isinstance(config, stock_configs.Default8BitOutputQuantizeConfig):
                entry["quantize_config"] = OutputConfig(config.quantize_output)
        for layer in model.layers:
            entry = layer_quantize_map.get(layer.name, {})
            no_range = isinstance(entry.get("quantize_config"), stock_configs.NoOpQuantizeConfig)
            if no_range and type(layer) in _KERNELS:
                linear = layer.activation is keras.activations.linear
                entry["quantize_config"] = _weighted(type(layer), [] if linear else ["activation"])
            # The layer TF-MOT puts behind each input, rebuilt from its config.
            if isinstance(layer, quantize_layer.QuantizeLayer):
                quantizer = {"class_name": InputQuantizer.__name__, "config": {}}
                layer_quantize_map[layer.name] = {"quantizer": quantizer}
        return model, layer_quantize_map


class EfficientNetScheme(stock_scheme.Default8BitQuantizeScheme):  # type: ignore[misc]
    """TF-MOT's default 8-bit scheme with the gaps above closed."""

    def __init__(self, needs: FakeQuant) -> None:
        super().__init__()
        self._needs = needs

    def get_layout_transformer(self) -> Any:
        """Returns the pattern rewrites (Conv-BN folding)."""
        return _Layout()

    def get_quantize_registry(self) -> Any:
        """Returns which layer gets which quantizers."""
        return _Registry(self._needs)


_CUSTOM = {
    kind.__name__: kind
    for kind in (
        ActivationQuantizer,
        InputQuantizer,
        WeightsQuantizer,
        WeightedConfig,
        OutputConfig,
        ActivationConfig,
    )
}


# No layer branches on a tensor: rewriting their code to allow it is a quarter of the time.
@tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
def insert_fake_quant(model: Any, needs: FakeQuant) -> Any:
    """Copies a flat float model with fake-quant where operators need it, ranges not initialised."""
    # Swish runs as LOGISTIC x MUL, so the tensor before it is one the runtime sees. TF-MOT keeps
    # the list as a class attribute and offers no other way to extend it.
    activation = quantize_aware_activation.QuantizeAwareActivation
    activation._PRE_QUANT_ACTIVATIONS |= set(needs.split)
    with quantize.quantize_scope(_CUSTOM):
        annotated = quantize.quantize_annotate_model(model)
        return quantize.quantize_apply(annotated, EfficientNetScheme(needs))
