"""Sweeps: many runs that differ in a few choices, asked for at once."""
