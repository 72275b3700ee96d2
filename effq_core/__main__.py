"""``python -m effq_core`` is ``effq``."""

from effq_core.cli import main

if __name__ == "__main__":
    main()
