"""DIR/manifest.json: what a history was made of and into, and whether it goes on.

Nothing is ever mixed: a directory holds one history, made with one set of options by one run at a
time. An incomplete one goes on with the same options; a complete one, or other options, need
`--force`, which begins anew; a directory with anything else in it is left alone. Directory and
files can be read by others, as promtool and Prometheus run as other users.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import msgspec

from batchlog.errors import ConfigError
from batchlog.failpoints import reach
from batchlog.history.days import OURS, DayFile
from batchlog.history.files import MOST, replace, writing
from batchlog.history.journal import NAME as WORK
from batchlog.history.options import Options
from batchlog.history.owned import own_directory
from batchlog.smallfile import read_small
from batchlog.state.directory import sync_directory

VERSION = 1
NAME = "manifest.json"
_OLD = WORK + ".old"

_FLAGS = {
    "bounds": "the duration buckets",
    "labels": "the labels of the series (job, grouping or --series-label)",
    "namespace": "the namespace",
    "max_series": "max_series",
}
"""How a person gives an option; the others by a flag of their name."""


class FileRead(msgspec.Struct, frozen=True):
    """A file that was read."""

    path: str
    size: int
    """Bytes on disk."""
    lines: int
    counted: int


class FileWritten(msgspec.Struct, frozen=True):
    """A file that was written."""

    file: str
    """Its name in the directory."""
    samples: int
    digest: str
    """BLAKE2b of its bytes, 128 bits."""


class Manifest(msgspec.Struct, frozen=True):
    """What stands in the file."""

    version: int
    options: Options
    inputs: tuple[FileRead, ...] = ()
    outputs: tuple[FileWritten, ...] = ()
    complete: bool = False


class Directory:
    """A directory that holds our history, locked."""

    def __init__(self, path: str, options: Options, *, resumed: bool) -> None:
        self.path = path
        self.resumed = resumed
        """Whether an incomplete history with the same options goes on."""
        self.options = options
        """Those that it was begun with: what counts, whatever an age says by now."""

    def begin(self, inputs: Iterable[FileRead]) -> None:
        """Name what is going to be read."""
        self._replace(Manifest(VERSION, self.options, tuple(inputs)))

    def complete(self, inputs: Iterable[FileRead], files: Iterable[DayFile]) -> None:
        """Say that all was read and written."""
        outputs = [
            FileWritten(os.path.basename(one.path), one.samples, one.digest) for one in files
        ]
        self._replace(Manifest(VERSION, self.options, tuple(inputs), tuple(outputs), complete=True))

    def discard(self) -> None:
        """Forget a history that holds nothing, so that another may be written here."""
        with writing(self.path):
            os.unlink(os.path.join(self.path, NAME))

    def _replace(self, manifest: Manifest) -> None:
        shown = [msgspec.structs.replace(one, path=_shown(one.path)) for one in manifest.inputs]
        manifest = msgspec.structs.replace(manifest, inputs=tuple(shown))
        with writing(self.path):
            text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
            replace(os.path.join(self.path, NAME), text + b"\n")


def _shown(path: str) -> str:
    """Return a path that need not be UTF-8 as text."""
    return path.encode("utf-8", "backslashreplace").decode()


@contextmanager
def open_directory(path: str, options: Options, *, force: bool) -> Iterator[Directory]:
    """Make the directory where it is not there, lock it, and judge what it holds.

    ConfigError where a history may not be written there, Busy where another run does so.
    """
    path = os.path.abspath(path)
    with own_directory(path, NAME):
        with writing(path):
            directory = _begin(path, options, force=force)
        yield directory


def is_begun(path: str) -> bool:
    """Tell whether a directory holds a history, complete or not."""
    return os.path.lexists(os.path.join(path, NAME))


def _begin(path: str, options: Options, *, force: bool) -> Directory:
    """Go on with what is there, or begin anew, where that is allowed."""
    _clear_old(path)
    held = _load(path)
    if held is not None and held.complete:
        _clear_work(path)  # left by a run that was ended at its very end
    why_not = None if held is None else _refusal(held, options)
    if why_not is not None and not force:
        raise ConfigError(f"{path} {why_not}; give another directory, or --force to begin anew")
    if held is None or why_not is not None:
        _clear_work(path)
        directory = Directory(path, options, resumed=False)
        directory.begin(())
        _clear_files(path)
        reach("history.cleared")
        return directory
    return Directory(path, held.options, resumed=True)


def _load(path: str) -> Manifest | None:
    """Return the manifest, None where there is none."""
    try:
        data = read_small(os.path.join(path, NAME), MOST)
        return msgspec.json.decode(data, type=Manifest)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ConfigError(
            f"{os.path.join(path, NAME)} is not a manifest of a history; give another directory"
        ) from None


def _refusal(held: Manifest, options: Options) -> str | None:
    """Say why a history cannot go on, None where it can."""
    if held.version != VERSION:
        return f"holds a history of another batchlog (version {held.version})"
    if held.complete:
        return "holds a complete history"
    options = options.as_begun(held.options)
    for name in Options.__struct_fields__:
        if name != "asked" and getattr(held.options, name) != getattr(options, name):
            what = _FLAGS.get(name, f"--{name}")
            return f"holds an incomplete history with another choice of {what}"
    return None


def _clear_work(path: str) -> None:
    """Remove the journal; under its name it is never there in part."""
    if os.path.isdir(os.path.join(path, WORK)):
        os.rename(os.path.join(path, WORK), os.path.join(path, _OLD))
        sync_directory(path)
        _clear_old(path)


def _clear_old(path: str) -> None:
    shutil.rmtree(os.path.join(path, _OLD), ignore_errors=True)


def _clear_files(path: str) -> None:
    for name in os.listdir(path):
        if OURS.fullmatch(name):
            os.unlink(os.path.join(path, name))
