"""The one order of modules: each imports only what stands before it (DESIGN.md, layout).

The order of the packages is fixed here, and of the modules in them that the layout names. A module
that a package has besides those may stand anywhere among them, as long as one order fits them all.
Sources are parsed, never imported.
"""

import ast
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parent.parent / "batchlog"

ORDER: dict[str, tuple[str, ...]] = {
    "batchlog": (),
    "safe_path": (),
    "errors": (),
    "failpoints": (),
    "smallfile": (),
    "nowhere": (),
    "labels": (),
    "tally": (),
    "formats": ("tokens", "apache", "nginx", "presets", "json", "w3c", "wrap"),
    "scan": ("count", "rows", "records", "headed", "columns"),
    "detect": (),
    "codecs": (),
    "segments": ("identity", "known", "names", "discover", "content", "read", "resume", "follow"),
    "state": ("checkpoint", "totals", "store"),
    "metrics": (),
    "openmetrics": (),
    "sinks": ("gateway", "textfile"),
    "config": ("schema", "load"),
    "engines": (),
    "entries": (),
    "path_labels": (),
    "job": ("request", "survey", "work", "following", "run"),
    "backfill": (),
    "history": ("seam", "series", "journal", "days", "manifest"),
    "scheduler": ("cron", "serve"),
    "cli": (),
    "__main__": (),
}

FUNCTIONAL_CORE = {
    *("labels", "tally", "formats", "scan", "metrics", "openmetrics"),
    *("segments.identity", "segments.resume", "state.owners", "state.totals"),
    *("history.seam", "history.series"),
}
THE_WORLD = {"os", "pathlib", "time", "socket"}

# What may be imported inside a function: slow to load, and often not needed at all.
HEAVY = {
    *("numpy", "concurrent", "rich", "apscheduler", "dateutil", "dask", "distributed", "fsspec"),
    *("difflib", "platformdirs", "tomllib", "zoneinfo", "aiobotocore"),
}
# Of ours, what loads such a one.
LATE = {
    "cli",
    "scan.columns",
    "scan.compiled",
    "scan.library",
    "engines.open",
    "engines.task",
    "segments.sessions",
    "engines.gate",
    "engines.room",
}
DECOMPRESSORS = {"bz2", "lzma", "zlib", "isal", "compression", "backports"}
HIDING = {"importlib", "runpy", "pkgutil"}


class Import(NamedTuple):
    """One import: of ours by its name less `batchlog.`, else by its full name."""

    name: str
    ours: bool
    line: int
    in_function: bool


def group(module: str) -> str:
    """Return the package or the single module that has a place in the order."""
    return module.partition(".")[0]


def sources() -> dict[str, str]:
    """Return the text of each module by its name; a package's name stands for its __init__."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found[name.removesuffix("__init__").rstrip(".") or "batchlog"] = path.read_text()
    return found


def imports(module: str, source: str, modules: frozenset[str]) -> Iterator[Import]:
    """Yield what a module imports, wherever in it."""
    tree = ast.parse(source)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, functions)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = imported_from(node, module, modules)
        else:
            continue
        for name in names:
            ours = group(name) == "batchlog"
            short = name.removeprefix("batchlog.") if ours else name
            yield Import(short, ours, node.lineno, id(node) in inside)


def imported_from(node: ast.ImportFrom, module: str, modules: frozenset[str]) -> list[str]:
    """Return the modules that `from base import names` means: base, or those of its modules."""
    base = node.module or ""
    if node.level:
        is_package = any(name.startswith(f"{module}.") for name in modules)
        path = ["batchlog", *module.split(".")]
        base = ".".join([*path[: len(path) - node.level + is_package], base]).rstrip(".")
    below = [f"{base}.{alias.name}" for alias in node.names]
    return [name if name.removeprefix("batchlog.") in modules else base for name in below]


def violations(module: str, source: str, modules: frozenset[str]) -> list[str]:
    """Return a sentence for each import of one module that may not be."""
    order = list(ORDER)
    if group(module) not in order:
        return [f"{module} has no place in the order"]
    found = []
    for name, ours, line, in_function in imports(module, source, modules):
        where = f"{module}:{line} imports {name}"
        same = ours and group(name) == group(module)
        later = order[order.index(group(module)) :]
        if ours and not same and (group(name) in later or group(name) not in order):
            found.append(f"{where}, which does not stand before it")
        lazy = HEAVY | (DECOMPRESSORS if group(module) == "codecs" else set())
        late = group(name) in lazy or (ours and name in LATE)
        if in_function and not late and not (same and group(module) == "cli"):
            found.append(f"{where} inside a function")
        if group(name) in THE_WORLD and {module, group(module)} & FUNCTIONAL_CORE:
            found.append(f"{where}, and is of the functional core")
        if group(name) in HIDING and module != "cli.group":
            found.append(f"{where}, which hides imports from this test")
    return found


def circle(package: str, texts: Mapping[str, str]) -> list[str]:
    """Return the modules of a package that no order fits; none if all is well.

    The named ones need the one before them, and the package's own __init__ needs them all: but for
    `cli`, whose __init__ loads a command on demand.
    """
    members = [name for name in texts if group(name) == package]
    needs: dict[str, set[str]] = {name: set() for name in members}
    for name in members:
        for imported in imports(name, texts[name], frozenset(texts)):
            if imported.ours and not (imported.in_function and package == "cli"):
                needs[name].add(imported.name)
    named = [f"{package}.{name}" for name in ORDER[package] if f"{package}.{name}" in needs]
    for before, after in pairwise(named):
        needs[after].add(before)
    if package in needs and package != "cli":
        needs[package] |= set(members) - {package}
    while free := [name for name in needs if not is_in_circle(name, needs)]:
        for name in free:
            del needs[name]
    return sorted(needs)


def is_in_circle(name: str, needs: Mapping[str, set[str]]) -> bool:
    """Tell whether a module of those that are left needs another, and another needs it."""
    return bool(needs[name] & set(needs)) and any(name in others for others in needs.values())


SOURCES = sources()


@pytest.mark.parametrize("module", SOURCES)
def test_a_module_imports_only_what_stands_before_its_package(module: str) -> None:
    found = violations(module, SOURCES[module], frozenset(SOURCES))
    assert not found


@pytest.mark.parametrize("package", ORDER)
def test_the_modules_of_a_package_have_one_order(package: str) -> None:
    found = circle(package, SOURCES)
    assert not found


KNOWN = frozenset({"batchlog", "errors", "scan", "scan.count", "scan.rows", "cli", "cli.push"})


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        ("errors", "import batchlog.metrics", "does not stand before it"),
        ("errors", "from batchlog import cli", "does not stand before it"),
        ("scan.rows", "from ..detect import detect", "does not stand before it"),
        ("errors", "if TYPE_CHECKING:\n from batchlog.job import Job", "does not stand before it"),
        ("job", "from batchlog.helpers import f", "does not stand before it"),
        ("job", "def f():\n from batchlog.state import store", "inside a function"),
        ("job", "def f():\n import json", "inside a function"),
        ("job", "class A:\n def f(self):\n  import bz2", "inside a function"),
        ("scan", "def f():\n from batchlog.scan import rows", "inside a function"),
        ("metrics", "from pathlib import Path", "functional core"),
        ("scan.rows", "import os.path", "functional core"),
        ("segments.resume", "from time import time", "functional core"),
        ("job", "import importlib", "hides imports"),
        ("helpers", "", "has no place in the order"),
    ],
)
def test_an_import_that_may_not_be_is_found(module: str, source: str, reason: str) -> None:
    [found] = violations(module, source, KNOWN)
    assert reason in found


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("scan.rows", "from batchlog.scan.count import count"),
        ("scan.rows", "from ..errors import Exit"),
        ("metrics", "from batchlog import __version__"),
        ("metrics", "from batchlog.scan import Scanner"),
        ("scan.columns", "def f():\n import numpy as np"),
        ("codecs.zstd", "def f():\n from backports import zstd"),
        ("cli.group", "import importlib\ndef f():\n from batchlog.cli import push"),
        ("cli.push", "import os\nfrom batchlog.cli.options import common"),
        ("segments.content", "import os"),
    ],
)
def test_an_import_that_may_be_is_not_complained_about(module: str, source: str) -> None:
    assert not violations(module, source, KNOWN)


COUNT, ROWS, OWN = "scan.count", "scan.rows", "scan"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({COUNT: "", ROWS: "from batchlog.scan.count import x", OWN: "from . import rows"}, []),
        ({COUNT: "from batchlog.scan.rows import x", ROWS: ""}, [COUNT, ROWS]),
        ({COUNT: "from batchlog.scan import rows", ROWS: ""}, [COUNT, ROWS]),
        ({COUNT: "from .rows import x", ROWS: ""}, [COUNT, ROWS]),
        ({COUNT: "from batchlog.scan import Scanner", OWN: ""}, [OWN, COUNT]),
        ({COUNT: "from .a import x", "scan.a": "", ROWS: "from .a import x"}, []),
        ({"scan.a": "from .b import x", "scan.b": "from .a import x"}, ["scan.a", "scan.b"]),
        (
            {COUNT: "from .a import x", "scan.a": "from .rows import x", ROWS: ""},
            ["scan.a", COUNT, ROWS],
        ),
    ],
)
def test_modules_of_a_package_that_no_order_fits_are_found(
    texts: dict[str, str], expected: list[str]
) -> None:
    assert expected == circle("scan", texts)
