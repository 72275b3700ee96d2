"""Known remedies for an int8 file that lost too much, tried in turn until one is enough."""
