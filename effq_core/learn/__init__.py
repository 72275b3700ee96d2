"""What the Learn page explains, computed from a run's own tensors with numpy alone."""
