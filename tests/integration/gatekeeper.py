"""A real Pushgateway that is restarted, and the rule that what it shows never falls."""

from contextlib import ExitStack
from pathlib import Path
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from tests.servers import Pushgateway, binary, serving

COUNTED = ("_total", "_bucket", "_count", "_sum")

Series = tuple[str, frozenset[tuple[str, str]]]


class Gatekeeper:
    """A Pushgateway with or without persistence, and the highest value of each counter so far."""

    def __init__(self, root: Path, *, persistent: bool) -> None:
        self._program = binary("prometheus-pushgateway")
        self._log = root / "pushgateway.log"
        self._kept = root / "pushgateway.data" if persistent else ""
        self._running = ExitStack()
        self._server = Pushgateway("")
        self._highest: dict[Series, float] = {}
        self._emptied = False
        self.starts = 0

    def __enter__(self) -> Self:
        self.restart()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @property
    def url(self) -> str:
        """Where it listens, on another port after each restart."""
        return self._server.url

    def restart(self) -> None:
        """End it, which makes it write what it keeps, and start it again."""
        self.starts += 1
        self._running.close()
        self._emptied = not self._kept
        port = self._running.enter_context(serving(self._command, self._log))
        self._server = Pushgateway(f"http://127.0.0.1:{port}")

    def look(self, *, pushed: bool = False) -> str:
        """Return what it shows; fail if a counter fell, or is not there and should be.

        After a restart without persistence they may be absent until something is `pushed`.
        """
        text = self._server.metrics()
        now = _counters(text)
        self._emptied = self._emptied and not (pushed or now)
        fallen = {
            key: (was, now[key]) for key, was in self._highest.items() if now.get(key, was) < was
        }
        absent = [] if self._emptied else [key for key in self._highest if key not in now]
        assert not fallen, f"fell in the gateway: {fallen}"
        assert not absent, f"not in the gateway any more: {absent}"
        self._highest |= now
        return text

    def _command(self, port: int) -> list[str]:
        listen = f"--web.listen-address=127.0.0.1:{port}"
        return [self._program, listen, f"--persistence.file={self._kept}"]


def _counters(text: str) -> dict[Series, float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("batchlog_") and sample.name.endswith(COUNTED)
    }
