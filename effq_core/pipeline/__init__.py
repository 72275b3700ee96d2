"""Stages, their graph, and the processes that work through it."""
