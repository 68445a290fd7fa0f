"""A real Pushgateway that is restarted, and the rule that what it shows never falls.

It falls where its own memory does: to nothing at a restart without persistence, to what an older
file of it holds where that is put back. Then it shows exactly that until the next push.
"""

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Self

from prometheus_client.parser import text_string_to_metric_families

from tests.servers import Pushgateway, binary, serving

COUNTED = ("_total", "_bucket", "_count", "_sum")

Series = tuple[str, frozenset[tuple[str, str]]]


class At(NamedTuple):
    """Where it listens, on another port after each start."""

    start: int
    url: str


class Gatekeeper:
    """A Pushgateway with or without persistence, and the highest value of each counter so far."""

    def __init__(self, root: Path, *, persistent: bool) -> None:
        self._program = binary("prometheus-pushgateway")
        self._log = root / "pushgateway.log"
        self._kept = root / "pushgateway.data" if persistent else None
        self._running = ExitStack()
        self._is_down = True
        self._highest: dict[Series, float] = {}
        self._short: dict[Series, float] | None = None
        """What it may show until the next push, where that is not all it showed before."""
        self.at = At(0, "")
        self.copies: list[Path] = []
        """What it kept on disk at each end, oldest first."""

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def has_left(self, at: At) -> bool:
        """Return whether it does not listen there any more."""
        return self._is_down or at != self.at

    def restart(self) -> None:
        """End it, which makes it write what it keeps, and start it again."""
        self._end()
        remembered = self._start()
        if self._kept is None:
            self._short = remembered

    def restore(self, copy: Path) -> bool:
        """End it, put back what it kept at an earlier end, and start it again.

        Return whether something fell.
        """
        assert self._kept is not None, "it keeps nothing"
        self._end()
        shutil.copyfile(copy, self._kept)
        self._short = self._start()
        return any(self._short.get(key, 0) < was for key, was in self._highest.items())

    def look(self, *, pushed: bool = False) -> str:
        """Return what it shows; fail if a counter fell, or is not there and should be.

        After it forgot something it may show what it remembers, until something is `pushed`.
        """
        text = Pushgateway(self.at.url).metrics()
        now = _counters(text)
        if not pushed and now == self._short:
            return text
        self._short = None
        fallen = {
            key: (was, now[key]) for key, was in self._highest.items() if now.get(key, was) < was
        }
        absent = [key for key in self._highest if key not in now]
        assert not fallen, f"fell in the gateway: {fallen}"
        assert not absent, f"not in the gateway any more: {absent}"
        self._highest |= now
        return text

    def _start(self) -> dict[Series, float]:
        """Return what it shows before anybody knows where it listens."""
        port = self._running.enter_context(serving(self._command, self._log))
        server = Pushgateway(f"http://127.0.0.1:{port}")
        remembered = _counters(server.metrics())
        self.at = At(self.at.start + 1, server.url)
        self._is_down = False
        return remembered

    def _end(self) -> None:
        self._is_down = True
        self._running.close()
        if self._kept is not None:
            copy = self._kept.with_suffix(f".{self.at.start}")
            self.copies.append(Path(shutil.copyfile(self._kept, copy)))

    def _command(self, port: int) -> list[str]:
        listen = f"--web.listen-address=127.0.0.1:{port}"
        return [self._program, listen, f"--persistence.file={self._kept or ''}"]


def _counters(text: str) -> dict[Series, float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("batchlog_") and sample.name.endswith(COUNTED)
    }
