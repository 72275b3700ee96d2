"""How much of what visitors start goes on at a time."""
