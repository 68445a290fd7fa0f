"""What is served: the metrics, a page that says where they are, and that somebody answers.

Metrics are rendered once for each run and form (text or OpenMetrics, compressed or not, all of them
or some): a scrape costs a copy, however many there are.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import parse_qs

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.core import Metric
from prometheus_client.openmetrics import exposition as openmetrics

from batchlog import __version__
from batchlog.metrics import Collected, exposition
from batchlog.scheduler.head import Answer, Asked, choices

_PLAIN = "text/plain; charset=utf-8"

_ALLOWED = ("GET", "HEAD")

_INDEX = f"""\
<!DOCTYPE html>
<html lang="en">
<head><title>batchlog</title></head>
<body>
<h1>batchlog {__version__}</h1>
<p>Counts access logs for Prometheus.</p>
<ul>
<li><a href="metrics">/metrics</a>: the metrics of the last run</li>
<li><a href="-/healthy">/-/healthy</a>: 200 while this process answers</li>
</ul>
</body>
</html>
"""

_MOST_FORMS = 8
"""Forms that are kept: a Prometheus asks for one, a person at a browser for another."""

_OPENMETRICS = "application/openmetrics-text"
_TEXT = "text/plain"

_OPENMETRICS_VERSIONS = ("", "1.0.0")


class Form(NamedTuple):
    """One of the ways to write the same metrics."""

    openmetrics: bool
    gzipped: bool
    names: frozenset[str] | None
    """Of the samples that are wanted; None is all."""

    def write(self, families: Iterable[Metric]) -> bytes:
        """Return the families in this form."""
        if self.names is not None:
            families = _named(families, self.names)
        if self.openmetrics:
            text: bytes = openmetrics.generate_latest(Collected(families))  # type: ignore[no-untyped-call]
        else:
            text = exposition(families)
        return gzip.compress(text, 6, mtime=0) if self.gzipped else text


class Pages:
    """What there is at each path.

    `families` is asked at each scrape; as long as it returns the same object, that is rendered once
    for each form.
    """

    def __init__(self, families: Callable[[], Iterable[Metric]]) -> None:
        self._ask = families
        self._asked: Iterable[Metric] | None = None
        self._families: tuple[Metric, ...] = ()
        self._names: frozenset[str] = frozenset()
        self._made: dict[Form, bytes] = {}

    def answer(self, asked: Asked) -> Answer:
        """Return what a client gets."""
        if asked.method not in _ALLOWED:
            return refusal(HTTPStatus.METHOD_NOT_ALLOWED)
        if asked.path == "/":
            return Answer(HTTPStatus.OK, "text/html; charset=utf-8", _INDEX.encode())
        if asked.path == "/-/healthy":
            return Answer(HTTPStatus.OK, _PLAIN, b"OK\n")
        if asked.path == "/metrics":
            return self._metrics(asked)
        return refusal(HTTPStatus.NOT_FOUND)

    def _metrics(self, asked: Asked) -> Answer:
        self._look()
        wanted = parse_qs(asked.query).get("name[]")
        names = None if wanted is None else self._names.intersection(wanted)
        form = Form(
            openmetrics=_wants_openmetrics(asked.fields.get("accept", "")),
            gzipped=_takes_gzip(asked.fields.get("accept-encoding", "")),
            names=names,
        )
        if form not in self._made:
            while len(self._made) >= _MOST_FORMS:
                del self._made[next(iter(self._made))]
            self._made[form] = form.write(self._families)
        content = openmetrics.CONTENT_TYPE_LATEST if form.openmetrics else CONTENT_TYPE_PLAIN_0_0_4
        encoding = (("Content-Encoding", "gzip"),) if form.gzipped else ()
        vary = ("Vary", "Accept, Accept-Encoding")
        return Answer(HTTPStatus.OK, content, self._made[form], (*encoding, vary))

    def _look(self) -> None:
        """Take the families of now, and forget what was made of others."""
        asked = self._ask()
        if asked is not self._asked:
            self._families, self._made = tuple(asked), {}
            self._names = frozenset(s.name for family in self._families for s in family.samples)
            self._asked = asked


def refusal(status: HTTPStatus) -> Answer:
    """Return the answer to what is not served."""
    allow = (("Allow", ", ".join(_ALLOWED)),) if status == HTTPStatus.METHOD_NOT_ALLOWED else ()
    there = "; there are /, /metrics and /-/healthy" if status == HTTPStatus.NOT_FOUND else ""
    return Answer(status, _PLAIN, f"{status.value} {status.phrase}{there}\n".encode(), allow)


def _named(families: Iterable[Metric], names: frozenset[str]) -> Iterator[Metric]:
    """Yield the families less the samples of other names, without those that are empty then."""
    for family in families:
        samples = [sample for sample in family.samples if sample.name in names]
        if samples:
            restricted = copy(family)
            restricted.samples = samples
            yield restricted


def _wants_openmetrics(accept: str) -> bool:
    """Tell whether OpenMetrics is named, and weighs at least as much as text."""
    named: list[float] = []
    text: dict[str, float] = {}
    for name, version, weight in choices(accept):
        if name == _OPENMETRICS and version in _OPENMETRICS_VERSIONS:
            named.append(weight)
        elif name in (_TEXT, "text/*", "*/*"):
            text[name] = max(weight, text.get(name, 0.0))
    # The most specific range decides (RFC 9110, section 12.5.1).
    other = next((text[name] for name in (_TEXT, "text/*", "*/*") if name in text), 0.0)
    best = max(named, default=0.0)
    return best > 0 and best >= other


def _takes_gzip(accept_encoding: str) -> bool:
    """Tell whether gzip is named, and weighs at least as much as no compression."""
    weights = {choice.name: choice.weight for choice in choices(accept_encoding)}
    weight = weights.get("gzip", 0.0)
    return weight > 0 and weight >= weights.get("identity", 0.0)
