"""A state in which every kind of value occurs."""

from batchlog.segments.identity import make_mark
from batchlog.segments.known import Counters, Log, Segment, Sight
from batchlog.state.checkpoint import Entry, Group, Series, State

HEAD = bytes(range(256)) * 20


def full() -> State:
    """Return it."""
    sight = Sight("/var/log/access.log", 5, 77, 6000, 1_795_000_000_000_000_000, "plain")
    archive = Sight("/var/log/access.log.2.gz", 5, 78, 900, 1_794_000_000_000_000_000, "gzip")
    live = Segment(
        mark=make_mark(0, 5120, HEAD, HEAD, 20),
        state="open",
        begin=0,
        begin_lines=0,
        first=1_795_000_000,
        format="combined",
        context="",
        bearers=(sight,),
        behind=True,
    )
    old = Segment(
        mark=make_mark(3, 67, HEAD[:64], HEAD[:64], 0),
        state="old",
        begin=None,
        begin_lines=0,
        first=None,
        format="",
        bearers=(archive,),
        absent=True,
    )
    return State(
        state_id="0123456789abcdef0123456789abcdef",
        generation=7,
        group=Group("batchlog", {"instance": "web1"}),
        entries=(Entry("/var/log/*access.log"), Entry("/var/log/x", "common")),
        bounds=(5_000_000, 10_000_000),
        totals=(
            Series((("status", "200"),), 20, 5000, 1_795_000_001, 123_456_789, (1, 2, 17)),
            Series((("status", "404"),), 0, 0, 1_795_000_001),
        ),
        overflow=2,
        logs=(
            Log(
                path="/var/log/access.log",
                origin=1_795_000_001,
                segments=(old, live),
                counters=Counters(20, 1, 2, 3, 5120, 4, 1, 1_795_000_019),
                unread=(archive,),
            ),
            Log(
                path="/var/log/gone.log",
                origin=1_795_000_001,
                entry="/var/log/*.log",
                gone=1_796_000_000,
                retired=True,
            ),
        ),
        left_alone=3,
        retired=Counters(9, newest=1_795_000_000),
    )
