"""Models people bring, on their way in: looked at, tried, checked in a process of its own."""
