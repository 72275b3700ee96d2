"""What runs model files: a folder each, and what all of them have in common."""
