"""Nothing is imported or run from the current directory, which others may write to (R118).

What this can reach is what is looked up after it was called. Python's own start and the launcher
that pip writes come before: `python -P -m batchlog` is safe from its first import on.

1. An empty or relative element of `PATH` or `PYTHONPATH` means the current directory or one below
   it. Both are cleaned in the environment, so that all processes that are started get them clean.
2. Python makes the elements of `PYTHONPATH` absolute before a program sees them (site.py,
   `abs_paths`): what they are by now is taken from `sys.path`, unless an absolute element or the
   program itself lies there.
3. `python -m` and `python -c` put the current directory first. Helper processes are started with
   `-c` (multiprocessing's fork server and its resource tracker): `PYTHONSAFEPATH` keeps them from
   it, from Python 3.11 on.
"""

import os
from collections.abc import MutableMapping, Sequence

_LISTS = ("PATH", "PYTHONPATH")


def absolute(elements: str) -> str:
    """Return the absolute elements of a list such as `PATH`."""
    return os.pathsep.join(filter(os.path.isabs, elements.split(os.pathsep)))


def importable(
    path: Sequence[str], python_path: str, current: str, home: str, *, is_module: bool
) -> list[str]:
    """Return the elements of `sys.path` that are no part of the current directory.

    `python_path` is `PYTHONPATH` as it was given, `current` the current directory, `home` the one
    that holds the program's own package, and `is_module` says whether Python put the current
    directory first (`-m`).
    """
    given = python_path.split(os.pathsep) if python_path else []
    unsafe = {current} if is_module else set()
    if current:
        unsafe.update(os.path.normpath(os.path.join(current, one)) for one in given)
    kept = {home, *filter(os.path.isabs, given)}
    return [one for one in path if os.path.isabs(one) and (one in kept or one not in unsafe)]


def leave_current_directory(
    environment: MutableMapping[str, str], path: list[str], home: str, *, is_module: bool
) -> None:
    """Take the current directory from `path`, which is `sys.path`, and from the environment."""
    try:
        current = os.getcwd()
    except OSError:  # it was removed: nothing is found there
        current = ""
    path[:] = importable(
        path, environment.get("PYTHONPATH", ""), current, home, is_module=is_module
    )
    for name in _LISTS:
        if name in environment:
            environment[name] = absolute(environment[name])
            if not environment[name]:  # an empty list would be the current directory again
                del environment[name]
    environment["PYTHONSAFEPATH"] = "1"
