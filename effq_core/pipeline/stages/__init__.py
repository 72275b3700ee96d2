"""What each stage of an experiment does, in a worker process."""
