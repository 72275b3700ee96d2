"""People's own photos on their way in: unpacked, labelled, looked at, and only then stored."""
