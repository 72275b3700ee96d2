"""What :mod:`effq_core` offers to notebooks and scripts, over what the other packages do."""
