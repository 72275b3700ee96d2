"""The state of machine and store: check-ups, downloads, what takes space."""
