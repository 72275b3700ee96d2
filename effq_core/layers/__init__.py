"""Layers: which part of a model loses accuracy when it is quantized, and what gets it back."""
