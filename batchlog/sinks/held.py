"""Our group among the series that a gateway shows, or our series in a textfile. Pure.

Nothing but a Pushgateway's own answer says that a gateway holds no group of ours (R65, R128). What
is true of that one alone:

1. Each line is one of Prometheus' text format, the last one included, and none has a time: what
   is pushed with one is refused.
2. It shows the gateway itself in `pushgateway_build_info`, without a job: what is pushed has one.
3. Families are sorted by name (client_golang's Gather does that), so that `pushgateway_build_info`
   comes after all that tells of groups: where it arrived, nothing of them is missing, wherever the
   answer was cut.
"""

import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from batchlog.sinks.response import LIMIT

_OWN = "pushgateway_build_info{"

_TELLING = (
    b"push_time_seconds{",
    b"batchlog_info{",
    b"batchlog_generation{",
    b"batchlog_generation ",
    _OWN.encode(),
)
"""How the lines begin that say whose a group is, and whose the whole."""

_LINE = re.compile(rb"(#.*|([A-Za-z_:][\w:]*|(?=\{))(\{.*\})? \S+)?\n")
_BEGINNING = re.compile(rb"#|([A-Za-z_:][\w:]*)?\{")


class NoExposition(Exception):  # noqa: N818 - it names what came
    """A line is not in Prometheus' text format."""


class Held(NamedTuple):
    """What stands where our series belong."""

    state_id: str
    """Of the checkpoint that wrote them; empty where another program did."""
    generation: int | None


def tells(line: bytes) -> bool:
    """Whether a line says whose a group or the whole is; NoExposition where it is of another text.

    Of a line longer than `LIMIT` its beginning is enough.
    """
    shape = _LINE.fullmatch if len(line) < LIMIT else _BEGINNING.match
    if not shape(line):
        raise NoExposition
    return line.startswith(_TELLING)


def is_pushgateways(text: str) -> bool:
    """Whether the lines that tell something are all that a Pushgateway shows of them."""
    own = False
    for line in filter(None, text.split("\n")):
        own = line.startswith(_OWN) and (
            own or any("job" not in one.labels and one.value == 1 for one in _samples(line))
        )
    return own


def find(text: str, group: Mapping[str, str]) -> Held | None:
    """Return what `text` shows of the group with exactly these labels, None where it shows none.

    ValueError where `text` is not in Prometheus' text format. The gateway itself adds a
    `push_time_seconds` with the labels of the group to each one; it is 0 where no push was ever
    accepted. It shows an empty label where a group has no `instance`.
    """
    ours = {name: value for name, value in group.items() if value}
    pushed, state_id, generation = False, "", None
    # Line by line: the parser's samples take many times the memory of their text.
    for line in text.split("\n"):
        for sample in _samples(line):
            if not _belongs(sample, ours):
                continue
            if sample.name == "push_time_seconds":
                pushed = sample.value > 0
            elif sample.name == "batchlog_info":
                state_id = sample.labels.get("state_id", "")
            elif sample.name == "batchlog_generation" and isfinite(sample.value):
                generation = int(sample.value)
    if not (pushed or state_id or generation is not None):
        return None
    return Held(state_id, generation)


def _samples(line: str) -> Iterator[Sample]:
    return (sample for family in text_string_to_metric_families(line) for sample in family.samples)


def _belongs(sample: Sample, ours: Mapping[str, str]) -> bool:
    own = ("version", "state_id") if sample.name == "batchlog_info" else ()
    labels = {name: value for name, value in sample.labels.items() if value and name not in own}
    return labels == ours
