"""The command `batchlog`, and `python -m batchlog`."""

import gc
import os
import sys

from batchlog.safe_path import leave_current_directory

_SELDOM = 100_000
"""Objects made until garbage is looked for. Start-up makes most of them, and none is garbage."""


_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The directory that holds this package."""


def main() -> None:
    """Run the program; the entry point."""
    leave_current_directory(os.environ, sys.path, _HOME, is_module=__name__ == "__main__")
    # Before anything is loaded; nothing here multiplies matrices, and NumPy's threads for it spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(_SELDOM)
    from batchlog.cli import main as program

    try:
        program()
    finally:
        gc.freeze()  # Python's end would look at every object again: an eighth of a short run


if __name__ == "__main__":
    main()
