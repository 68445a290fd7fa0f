"""One set of settings out of flags, the configuration file and defaults, in that order.

The file is judged alone first, so that its errors name the file and the key; then with the flags
over it, so that what is wrong now is named as a flag. Every error is a ConfigError.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import asdict, replace

from batchlog.config import rules
from batchlog.config.check import Wrong, under
from batchlog.config.convert import convert
from batchlog.config.schema import File, Flags, Settings
from batchlog.errors import ConfigError
from batchlog.smallfile import MIB, is_null_device, read_small

DEFAULT_PATH = Path("/etc/batchlog/batchlog.toml")

MOST = 4 * MIB
"""Bytes of a configuration: ten thousand logs are one."""

# Key paths that have a flag.
_FLAGS = {
    "checkpoint": "--checkpoint",
    "format": "--format",
    "gateway.url": "--gateway",
    "gateway.job": "--job",
    "gateway.grouping": "--grouping",
    "gateway.retry_for": "--retry-for",
    "metrics.by": "--by",
    "textfile.path": "--textfile",
    "schedule.every": "--every",
    "schedule.cron": "--cron",
}


def load(path: Path | None, flags: Flags, default: Path = DEFAULT_PATH) -> Settings:
    """Return what is in force: `flags` over the file at `path` over the defaults.

    Without a `path` the file at `default` is read if it is there.
    """
    source = default if path is None else path
    raw = _read(source, required=path is not None)
    file = _judge(lambda: convert(raw or {}), lambda key: f"{source}: {key}")
    if flags != Flags():
        file = _judge(lambda: _overlaid(raw or {}, flags), _flag)
    return Settings(
        **asdict(file), format=flags.format or "auto", source=None if raw is None else str(source)
    )


def _read(path: Path, *, required: bool) -> dict[str, Any] | None:
    if is_null_device(path):
        return {}
    try:
        text = read_small(path, MOST).decode()
        import tomllib

        return tomllib.loads(text)
    except FileNotFoundError:
        if not required:
            return None
        raise ConfigError(f"{path}: there is no such file; --config names one that is") from None
    except OSError as error:
        reason = error.strerror or str(error)
    except (ValueError, RecursionError) as error:  # not TOML, not UTF-8, or a NUL in the path
        reason = str(error)
    raise ConfigError(f"{path}: the configuration cannot be read: {reason}") from None


def _judge(judgement: Callable[[], File], name: Callable[[str], str]) -> File:
    try:
        return judgement()
    except Wrong as wrong:
        raise ConfigError(f"{name(wrong.key)}: {wrong.reason}") from None


def _flag(key: str) -> str:
    """Return the flag and the environment variable that stand behind a key path."""
    for path, flag in _FLAGS.items():
        if key == path or key.startswith((f"{path}.", f"{path}[")):
            return f"{flag} (BATCHLOG_{flag.strip('-').replace('-', '_').upper()})"
    return f"{key} with the options given"


def _overlaid(raw: dict[str, Any], flags: Flags) -> File:
    """Return the file's values with the flags put over them."""
    with under("format"):
        rules.log_format(flags.format or "auto")
    merged = dict(raw)
    for section, values in _tables(flags).items():
        given = {key: value for key, value in values.items() if value is not None}
        kept = dict(raw.get(section, {}))
        if section == "schedule" and given:
            # One of the two flags takes the place of whichever the file has.
            kept = {key: kept[key] for key in kept if key not in ("every", "cron")}
        if given:
            merged[section] = kept | given
    if flags.checkpoint is not None:
        merged["checkpoint"] = flags.checkpoint
    file = convert(merged)
    if flags.format is None:
        return file
    return replace(file, log=tuple(replace(entry, format=flags.format) for entry in file.log))


def _tables(flags: Flags) -> dict[str, dict[str, Any]]:
    """Return the flags as the file would have them; None where one was not given."""
    return {
        "gateway": {
            "url": list(flags.gateway) or None,
            "job": flags.job,
            "grouping": _pairs(flags.grouping) or None,
            "retry_for": flags.retry_for,
        },
        "metrics": {"by": None if flags.by is None else _names(flags.by)},
        "textfile": {"path": flags.textfile},
        "schedule": {"every": flags.every, "cron": flags.cron},
    }


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")] if text.strip() else []


def _pairs(texts: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    with under("gateway.grouping"):
        for text in texts:
            key, equals, value = text.partition("=")
            if not equals:
                raise ConfigError(f"{text!r} is not KEY=VALUE")
            if key in pairs:
                raise ConfigError(f"{key!r} is given twice; remove one")
            pairs[key] = value
    return pairs
