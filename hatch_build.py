"""Builds the compiled part of batchlog where there is a C compiler.

Where there is none, batchlog is installed without it, and reads with NumPy alone. The library has
no Python in it, so one wheel is for every version of Python on a platform.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "batchlog/scan/lines.c"
LIBRARY = "batchlog/scan/lines.so"
FLAGS = ["-O2", "-std=c99", "-fPIC", "-shared"]


def compiler() -> list[str]:
    """Return the command of the C compiler: `CC`, or the first one found, if any."""
    named = shlex.split(os.environ.get("CC", ""))
    return named or list(filter(None, map(shutil.which, ("cc", "gcc", "clang"))))[:1]


def compiled(source: Path, library: Path) -> str:
    """Compile a library; return why that could not be done, else nothing."""
    found = compiler()
    if not found:
        return "no C compiler was found"
    flags = [*FLAGS, *shlex.split(os.environ.get("CFLAGS", ""))]
    last = shlex.split(os.environ.get("LDFLAGS", ""))
    command = [*found, *flags, str(source), "-o", str(library), *last]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as problem:
        return f"{found[0]}: {problem.strerror}"
    return done.stderr or f"{found[0]} failed" if done.returncode else ""


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg] # hatchling finds it by name
    """Adds the library to a wheel; where the checkout itself is installed, puts it there."""

    _place: str | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before a wheel is built."""
        library = Path(self.root, LIBRARY)
        if version == "editable":
            library.unlink(missing_ok=True)
        else:
            self._place = tempfile.mkdtemp()
            library = Path(self._place, library.name)
        why = compiled(Path(self.root, SOURCE), library)
        if why:
            self.app.display_warning(f"batchlog is built without its compiled part: {why}")
            return
        *_, platform = self.build_config.builder.get_best_matching_tag().split("-")
        build_data["tag"] = f"py3-none-{platform}"
        build_data["pure_python"] = False
        if self._place:
            build_data["force_include"][str(library)] = LIBRARY

    def finalize(self, _version: str, _build_data: dict[str, Any], _artifact: str) -> None:
        """Leave nothing behind."""
        if self._place:
            shutil.rmtree(self._place)
