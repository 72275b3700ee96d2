"""EffQ beside the tools people would use otherwise: `python -m benchmarks.peers --help`."""
