"""Models people bring: checked in a process of their own, kept as data, never run as programs."""
