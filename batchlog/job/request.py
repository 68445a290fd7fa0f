"""What a run is asked to do, and the world it does it in."""

from collections.abc import Callable

import msgspec

from batchlog.config.schema import Settings
from batchlog.config.times import Since
from batchlog.errors import Exit, Stop
from batchlog.segments.findings import Finding
from batchlog.state.checkpoint import Group


class Request(msgspec.Struct, frozen=True):
    """A run as the user asked for it."""

    settings: Settings
    checkpoint: str
    """Absolute path of the checkpoint."""
    host: str
    """The default `instance`."""
    logs: tuple[str, ...] = ()
    since: Since = "checkpoint"
    lock_wait: float = 30.0
    listen: bool = False
    """Whether the metrics are served for scraping, which is a sink too."""
    dry_run: bool = False
    workers: int = 1
    """Cores to use where there is much to read."""

    @property
    def group(self) -> Group:
        """The gateway's group that was asked for."""
        gateway = self.settings.gateway
        return Group(gateway.job, dict(sorted(gateway.group(self.host).items())))


class World(msgspec.Struct, frozen=True):
    """Clock, voice and the request to stop."""

    now: Callable[[], float]
    """Unix seconds."""
    say: Callable[[Finding], None]
    stop: Stop = msgspec.field(default_factory=Stop)


class Verdict(msgspec.Struct):
    """The exits that apply so far, and the voice that says why."""

    world: World
    exits: set[Exit] = msgspec.field(default_factory=set)
    _said: set[Finding] = msgspec.field(default_factory=set)

    def hear(self, *findings: Finding, exit_: Exit = Exit.DATA) -> None:
        """Say what was found; an error among it decides on the exit."""
        for finding in findings:
            if finding not in self._said:  # a second look finds the same
                self._said.add(finding)
                self.world.say(finding)
            if finding.is_error:
                self.exits.add(exit_)

    @property
    def exit(self) -> Exit:
        """The one exit that is reported."""
        return Exit.first(self.exits)
