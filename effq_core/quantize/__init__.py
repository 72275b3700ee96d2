"""From a float model to quantized variants."""
