"""What everything else stands on: errors, settings, formatting, hardware, locks, files."""
