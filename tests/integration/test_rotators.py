"""A short pass of what `make soak` does for longer, and that what it does is what it says."""

import gzip
from itertools import product
from pathlib import Path
from random import Random
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from tests.integration.gatekeeper import Gatekeeper
from tests.integration.logrotate import Rotator, Settings
from tests.integration.rotators import Episode
from tests.integration.webservers import WebServer

STEPS = 5

MODES = ("create", "nocreate", "copytruncate")
COMPRESSION = ("compress", "delaycompress", "nocompress")


@pytest.mark.parametrize(
    ("seed", "happens"),
    [
        (28, {"restarts with persistence", "restores", "falls"}),
        (61, {"restarts with persistence", "restores", "falls", "reloads of Apache"}),
        (81, {"restarts without persistence", "reloads of Apache"}),
    ],
)
def test_totals_are_the_truth_through_rotations_kills_and_restarts(
    tmp_path: Path, seed: int, happens: set[str]
) -> None:
    """R2, R5, R23, R25, R26, R32, R39, R49, R60, R67, R87, R88, R89, R99, in combination."""
    episode = Episode(tmp_path, seed)
    episode.play(STEPS)
    assert {"rotations", "pushes", "lines", *happens} <= set(episode.done)


# What is drawn, and that logrotate does it


def test_every_combination_of_settings_is_drawn() -> None:
    seen = {tuple(Settings.draw(Random(seed)).words) for seed in range(5000)}
    kinds = [MODES, COMPRESSION, ("dateext", "numeric"), ("sharedscripts", "nosharedscripts")]
    kinds += [("olddir", "noolddir"), ("postrotate", "by hand")]
    wanted = {one for one in product(*kinds) if "by hand" not in one or "compress" not in one}
    assert wanted == seen


@pytest.mark.parametrize(
    ("mode", "compress", "dateext", "olddir"),
    list(product(MODES, COMPRESSION, (False, True), (False, True))),
)
def test_logrotate_does_what_is_drawn(
    tmp_path: Path, mode: str, compress: str, *, dateext: bool, olddir: bool
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o755)
    server = WebServer(0, tmp_path / "none.pid", logs / "a.log", tmp_path / "reference.log")
    settings = Settings(mode, compress, dateext, shared=True, olddir=olddir, signals=False, delay=0)
    rotator = Rotator(tmp_path, settings, [server])
    server.log.write_text("one\n")
    inode = server.log.stat().st_ino
    rotator.rotate(None, lambda: None)
    assert (mode != "nocreate") == server.log.exists()
    assert (mode == "copytruncate") == (server.log.exists() and server.log.stat().st_ino == inode)
    (rotated,) = logs.rglob("a.log?*")
    assert (logs / "archive" if olddir else logs) == rotated.parent
    assert dateext == rotated.name.startswith("a.log-20")
    assert (compress == "compress") == (rotated.suffix == ".gz")
    content = rotated.read_bytes()
    assert b"one\n" == (gzip.decompress(content) if compress == "compress" else content)
    if not dateext:  # its names are those of a second
        server.log.write_text("two\n")
        rotator.rotate(None, lambda: None)
        older = rotated.parent / ("a.log.2" + ".gz" * (compress != "nocompress"))
        assert {older, rotated} == set(rotated.parent.glob("a.log.*"))


# What a gateway may show


def _put(gateway: Gatekeeper, value: int, *more: str) -> None:
    names = ("batchlog_a_total", *more)
    body = "".join(f"# TYPE {name} counter\n{name} {value}\n" for name in names)
    asked = Request(f"{gateway.at.url}/metrics/job/batchlog", body.encode(), method="PUT")  # noqa: S310 - our own
    build_opener(ProxyHandler({})).open(asked, timeout=10).close()


def test_what_fell_with_an_older_persistence_file_is_known_and_nothing_else(tmp_path: Path) -> None:
    with Gatekeeper(tmp_path, persistent=True) as gateway:
        _put(gateway, 5)
        gateway.look(pushed=True)
        gateway.restart()
        gateway.look(pushed=True)
        _put(gateway, 7, "batchlog_b_total")
        gateway.look(pushed=True)
        (copy,) = gateway.copies
        assert gateway.restore(copy)
        gateway.look()
        gateway.restart()
        gateway.look()
        with pytest.raises(AssertionError, match="fell in the gateway"):
            gateway.look(pushed=True)
        assert gateway.restore(copy)
        _put(gateway, 6, "batchlog_b_total")
        with pytest.raises(AssertionError, match="fell in the gateway"):
            gateway.look()
        assert gateway.restore(copy)
        _put(gateway, 8)
        with pytest.raises(AssertionError, match="not in the gateway any more"):
            gateway.look()
        _put(gateway, 8, "batchlog_b_total")
        gateway.look()
        _put(gateway, 5)  # what it came back with is no excuse any more
        with pytest.raises(AssertionError, match="fell in the gateway"):
            gateway.look()


def test_a_gateway_without_persistence_may_show_nothing_until_a_push(tmp_path: Path) -> None:
    with Gatekeeper(tmp_path, persistent=False) as gateway:
        _put(gateway, 5)
        gateway.look(pushed=True)
        gateway.restart()
        gateway.look()
        with pytest.raises(AssertionError, match="not in the gateway any more"):
            gateway.look(pushed=True)
        _put(gateway, 4)
        with pytest.raises(AssertionError, match="fell in the gateway"):
            gateway.look()
