"""What the variants of a run answer to photos."""
