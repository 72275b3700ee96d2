"""What a variant costs and what it gets right."""
