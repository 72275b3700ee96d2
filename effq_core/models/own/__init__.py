"""Models people bring: checked in a process of their own, kept as data, never run as programs.

A model file can hold code, so the file itself is looked at once and is not kept. What is kept is
what EffQ made of it there: a list of layers and their weights, or a graph of known operators.
"""
