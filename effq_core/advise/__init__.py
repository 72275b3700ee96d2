"""Which variant to ship, and why not the others."""
