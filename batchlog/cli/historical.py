"""What a person says of history: where it is written, and which labels its series have."""

import os
import re
from collections.abc import Sequence
from functools import partial

from batchlog.cli import options
from batchlog.config import rules
from batchlog.config.schema import Settings
from batchlog.errors import ConfigError
from batchlog.path_labels import path_label_names
from batchlog.segments.source import is_url, shown

LABEL = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")

_OWN = frozenset({"le", "backfill"})
"""Labels that series have of themselves, whatever the settings are."""


def directory(flag: str, text: str | None) -> str | None:
    """Return the whole path of a directory; ConfigError for what cannot be one."""
    if text is None:
        return None
    if not text:
        raise ConfigError(f"{flag} needs the name of a directory, and it is empty")
    if is_url(text):
        raise ConfigError(f"{flag} {shown(text)}: history is written to a local directory")
    return os.path.abspath(text)


def series_labels(texts: Sequence[str]) -> dict[str, str]:
    """Return labels from texts KEY=VALUE; ConfigError where one is none."""
    labels: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not LABEL.fullmatch(name) or name.startswith("__"):
            raise ConfigError(f"--series-label: {text!r} is not KEY=VALUE with a label's name")
        if name in labels:
            raise ConfigError(f"--series-label: {name!r} is given twice; remove one")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ConfigError(f"--series-label: the value of {name!r} is not UTF-8") from None
        options.named("--series-label", partial(rules.label_value, value))
        labels[name] = value
    return labels


def judge_labels(names: Sequence[str], settings: Settings) -> None:
    """Raise ConfigError where a label would take the place of one that lines have."""
    taken = _OWN.union(settings.metrics.by)
    for entry in settings.log:
        taken = taken.union(entry.labels, path_label_names(entry))
    for name in names:
        if name in taken:
            raise ConfigError(
                f"--series-label: {name!r} is a label that the series have of the lines or logs; "
                f"leave it out (in use: {', '.join(sorted(taken))})"
            )
