"""From the tables that TOML gives to a File whose values can all be used.

Here msgspec's findings become Wrong: a key path and words for people. Files and flags are the
business of `load`.
"""

import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec

from batchlog.config import times
from batchlog.config.check import Wrong, check
from batchlog.config.schema import (
    Compression,
    Duration,
    File,
    Gateway,
    Label,
    LogEntry,
    Metrics,
    OnMissing,
    Schedule,
    Textfile,
    Urls,
)
from batchlog.errors import ConfigError

_SECTIONS: dict[str, type[msgspec.Struct]] = {
    "": File,
    "gateway": Gateway,
    "textfile": Textfile,
    "metrics": Metrics,
    "schedule": Schedule,
    "log": LogEntry,
}

_CHOICES = {
    "on_missing": get_args(OnMissing),
    "gateway.compression": get_args(Compression),
    "metrics.by": get_args(Label),
}

# TOML's words for the types that msgspec names.
_WORDS = {
    "str": "a text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}


def convert(raw: dict[str, Any]) -> File:
    """Return `raw` as a File whose values can all be used; else raise Wrong for the first."""
    for section, key in _unknown(raw):
        raise Wrong(_joined(section, key), f"there is no such key{_suggestion(section, key)}")
    try:
        file = msgspec.convert(raw, File, dec_hook=_custom)
    except msgspec.ValidationError as error:
        raise _reworded(str(error)) from None
    check(file)
    return file


def _unknown(raw: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield section and name of each unknown key; what is no table is left to msgspec."""
    for name, value in raw.items():
        if name not in _keys(""):
            yield "", name
        if name in _SECTIONS:
            tables = value if isinstance(value, list) else [value]
            keys = (key for table in tables if isinstance(table, dict) for key in table)
            yield from ((name, key) for key in keys if key not in _keys(name))


def _keys(section: str) -> tuple[str, ...]:
    return _SECTIONS[section].__struct_fields__


def _suggestion(section: str, key: str) -> str:
    from difflib import get_close_matches

    near = [_joined(section, name) for name in get_close_matches(key, _keys(section), 1)]
    elsewhere = [_joined(name, key) for name in _SECTIONS if key in _keys(name)]
    if meant := near or elsewhere:
        return f"; did you mean {meant[0]}?"
    return f"; expected one of {', '.join(_keys(section))}"


def _joined(section: str, key: str) -> str:
    return f"{section}.{key}" if section else key


def _custom(kind: type, value: object) -> object:
    """Read the two types that msgspec does not know; it puts the key path to a ValueError."""
    if kind is Urls:
        return _urls(value)
    if type(value) is int and value == 0:
        return Duration(0)
    if not isinstance(value, str):
        message = 'expected a duration in quotes, such as "30s"'
        raise ValueError(message)  # noqa: TRY004 - the same to msgspec
    try:
        return Duration(times.duration(value))
    except ConfigError as error:
        raise ValueError(str(error)) from None


def _urls(value: object) -> Urls:
    urls = [value] if isinstance(value, str) else value
    if isinstance(urls, list) and all(isinstance(url, str) for url in urls):
        return Urls(urls)
    raise ValueError("expected a URL in quotes or a list of them")


def _reworded(message: str) -> Wrong:
    """Return what msgspec found in the words of the file."""
    found = re.fullmatch(r"(?P<text>.*?)(?: - at `\$\.?(?P<key>[^`]*)`)?", message, re.DOTALL)
    text, key = found.group("text", "key") if found else (message, "")
    key = (key or "").replace("[...]", "")
    if missing := re.search("missing required field `(.*)`", text):
        return Wrong(_joined(key, missing[1]), "it is missing")
    choices = _CHOICES.get(re.sub(r"\[\d+\]$", "", key))
    if choices and text.startswith("Invalid enum value"):
        given = text.removeprefix("Invalid enum value ")
        return Wrong(key, f"{given} is not known; expected one of {', '.join(choices)}")
    return Wrong(key, re.sub("`([^`]*)`", _words, text[:1].lower() + text[1:]))


def _words(kinds: re.Match[str]) -> str:
    return " or ".join(_WORDS.get(kind, kind) for kind in kinds[1].split(" | ") if kind != "null")
