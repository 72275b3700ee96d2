"""Programs that run on other devices, and the timings that come back."""
