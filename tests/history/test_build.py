"""Old logs into history: what its samples say is what a plain count of the lines says."""

import gzip
import random
import re
import time
from collections import Counter
from datetime import datetime
from logging import WARNING
from pathlib import Path

import pytest
from msgspec.structs import replace

from batchlog.config.schema import LogEntry
from batchlog.errors import Busy, ConfigError, Exit, LogError
from batchlog.history import manifest
from batchlog.history.journal import Journal
from batchlog.history.manifest import NAME as MANIFEST
from batchlog.scan import Timing
from batchlog.state.checkpoint import Group, State
from batchlog.state.store import Store
from tests.history.histories import Samples, parsed
from tests.servers import Promtool
from tests.site import BEGINNING, At, Killed, Site, die, line, lines

HOURS = 3600


def stamped(second: int, status: int = 200, size: int = 7, offset: str = "+0000") -> bytes:
    """Return a combined line with the stamp `second`, written with an offset from UTC."""
    ahead = (int(offset[1:3]) * 60 + int(offset[3:])) * 60 * (-1 if offset[0] == "-" else 1)
    text = time.strftime("%d/%b/%Y:%H:%M:%S", time.gmtime(second + ahead))
    return f'192.0.2.1 - - [{text} {offset}] "GET / HTTP/1.1" {status} {size} "-" "t"\n'.encode()


def put(path: Path, data: bytes) -> Path:
    """Write an old log, compressed where its name says so."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def written(directory: Path) -> dict[str, bytes]:
    """Return the files of a history by name."""
    return {path.name: path.read_bytes() for path in sorted(directory.glob("*.om.txt"))}


def samples(directory: Path) -> Samples:
    """Return the samples of a history."""
    return parsed(data.decode() for data in written(directory).values())


def requests(found: Samples, **labels: str) -> list[tuple[int, float]]:
    """Return the samples of one series of requests."""
    key = tuple(sorted({"job": "batchlog", "instance": "web1", **labels}.items()))
    return found[("batchlog_http_requests_total", key)]


STAMP = re.compile(rb'\[([^\]]+)\] "[^"]*" (\d+) (\d+)')


def plain_count(*texts: bytes) -> dict[str, Counter[int]]:
    """Return by status how many lines are stamped in which second; nothing of batchlog's."""
    found: dict[str, Counter[int]] = {}
    for text in texts:
        for stamp, status, _ in STAMP.findall(text):
            moment = datetime.strptime(stamp.decode(), "%d/%b/%Y:%H:%M:%S %z")
            found.setdefault(status.decode(), Counter())[int(moment.timestamp())] += 1
    return found


def agrees(found: Samples, *texts: bytes, step: int = 60, **labels: str) -> bool:
    """Compare each sample of requests with a plain count of the lines stamped before it."""
    counts = plain_count(*texts)
    last = max(second for count in counts.values() for second in count)
    for status, count in counts.items():
        series = requests(found, status=status, **labels)
        first = min(count) // step * step
        assert [(first, 0)] == series[:1]
        assert last // step * step + step == series[-1][0]
        assert list(range(first, series[-1][0] + 1, step)) == [at for at, _ in series]
        ordered = sorted(count.items())
        position = total = 0
        for at, value in series:
            while position < len(ordered) and ordered[position][0] < at:
                total += ordered[position][1]
                position += 1
            assert (at, total) == (at, value)
    return True


def test_history_says_at_each_minute_what_a_plain_count_says(site: Site, tmp_path: Path) -> None:
    chance = random.Random(1)
    seconds = sorted(chance.randrange(BEGINNING, BEGINNING + 3 * 86_400) for _ in range(2000))
    seconds = [max(0, second - chance.randrange(60)) for second in seconds]  # out of order
    texts = [
        b"".join(stamped(s, chance.choice([200, 404])) for s in seconds[begin : begin + 500])
        for begin in range(0, 2000, 500)
    ]
    site.clock = BEGINNING + 30 * 86_400
    names = ["access.log.4.gz", "access.log.3.gz", "access.log.2", "access.log.1"]
    paths = [put(site.logs / name, text) for name, text in zip(names, texts, strict=True)]
    chance.shuffle(paths)
    ran = site.history(tmp_path / "h", *paths)
    assert Exit.OK == ran.exit
    assert agrees(samples(tmp_path / "h"), *texts)
    assert 4 <= len(written(tmp_path / "h")) <= 5


@pytest.mark.parametrize("step", [10, 300])
def test_the_step_is_the_time_between_samples(site: Site, tmp_path: Path, step: int) -> None:
    text = b"".join(stamped(BEGINNING + 7 * n) for n in range(500))
    site.clock = BEGINNING + 86_400
    site.history(tmp_path / "h", put(site.rotated(1), text), timing=Timing(step))
    assert agrees(samples(tmp_path / "h"), text, step=step)


def test_daylight_saving_and_mixed_offsets_are_right_to_the_second(
    site: Site, tmp_path: Path
) -> None:
    change = 1_761_440_400  # 2025-10-26 01:00 UTC: Berlin's clocks go back
    berlin = b"".join(
        stamped(change + n * 13, offset="+0200" if n < 0 else "+0100") for n in range(-600, 600)
    )
    york = b"".join(stamped(change + n * 17, 301, offset="-0400") for n in range(-400, 400))
    site.clock = change + 86_400
    one, two = put(site.logs / "berlin.log.1.gz", berlin), put(site.logs / "york.log.1", york)
    site.history(tmp_path / "h", two, one)
    assert agrees(samples(tmp_path / "h"), berlin)
    assert agrees(samples(tmp_path / "h"), york)


def test_each_host_has_its_labels(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    texts = {
        name: b"".join(stamped(BEGINNING + n * 30, size=size) for n in range(9))
        for name, size in (("a", 1), ("b", 2))
    }
    paths = [put(site.logs / f"{name}-access.log.1", text) for name, text in texts.items()]
    entries = (
        LogEntry(str(site.logs / "*-access.log"), labels_from_path="(?P<site>[a-z])-access"),
    )
    site.history(tmp_path / "h", *paths, entries=entries)
    found = samples(tmp_path / "h")
    assert requests(found, status="200", site="a") == requests(found, status="200", site="b")
    assert agrees(found, texts["a"], site="a")


def test_twins_are_read_once(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    plain = put(site.rotated(1), lines(range(200)))
    packed = site.compress(plain, keep=True)
    site.history(tmp_path / "h", plain, packed)
    assert 200 == requests(samples(tmp_path / "h"), status="200")[-1][1]


def test_history_is_the_same_from_several_processes(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    paths = [
        put(site.rotated(n, ".gz" if n % 2 else ""), lines(range(n * 1000, n * 1000 + 700)))
        for n in range(1, 7)
    ]
    site.history(tmp_path / "one", *paths)
    site.history(tmp_path / "two", *paths, workers=2)
    assert written(tmp_path / "one") == written(tmp_path / "two")


def test_a_kill_at_any_moment_leaves_what_the_next_run_completes(
    site: Site, tmp_path: Path
) -> None:
    site.clock = BEGINNING + 86_400
    paths = [put(site.rotated(n), lines(range(n * 1000, n * 1000 + 40))) for n in (1, 2)]
    paths.append(put(site.rotated(3, ".gz"), lines(range(300))))
    site.history(tmp_path / "whole", *paths)
    moment, lasted = 1, True
    while lasted:
        stop = At(moment, die)
        directory = tmp_path / f"moment{moment}"
        try:
            site.history(directory, *paths, stop=stop)
        except Killed:
            assert b'"complete": false' in (directory / MANIFEST).read_bytes()
            site.history(directory, *paths)
        assert written(tmp_path / "whole") == written(directory)
        assert not (directory / ".work").exists()
        lasted = stop.happened
        moment += 1
    assert moment > 10


def test_a_stopped_history_ends_with_75_and_goes_on(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    paths = [put(site.rotated(n), lines(range(n * 1000, n * 1000 + 40))) for n in (1, 2, 3)]
    ran = site.history(tmp_path / "h", *paths, stop=At(6, lambda at: at.set()))
    assert Exit.BUSY == ran.exit
    assert not written(tmp_path / "h")
    assert Exit.OK == site.history(tmp_path / "h", *paths).exit
    assert 120 == requests(samples(tmp_path / "h"), status="200")[-1][1]


def test_a_history_that_is_there_is_refused_but_with_force(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    old = put(site.rotated(1), lines(range(40)))
    site.history(tmp_path / "h", old)
    with pytest.raises(ConfigError, match="--force"):
        site.history(tmp_path / "h", old)
    other = put(site.rotated(2), lines(range(50, 60)))
    site.history(tmp_path / "h", other, force=True)
    assert 10 == requests(samples(tmp_path / "h"), status="200")[-1][1]


def test_the_checkpoint_is_read_and_never_written(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    old = put(site.rotated(1), lines(range(100)))
    site.history(tmp_path / "h", old)
    assert not site.checkpoint.parent.exists()
    site.append(range(100, 110))
    site.run()
    before = site.checkpoint.read_bytes()
    site.clock += 5 * HOURS
    site.history(tmp_path / "i", old)
    assert before == site.checkpoint.read_bytes()


def test_history_ends_where_counting_began_and_a_zero_stands_before_it(
    site: Site, tmp_path: Path
) -> None:
    """The seam goes by position: what a push counted is not in it, and later stamps are moved."""
    begun = BEGINNING + 1000
    site.clock = begun
    site.access.write_bytes(
        b"".join(stamped(BEGINNING + n) for n in range(50)) + stamped(begun + 30)
    )
    site.run(since="now")
    with site.access.open("ab") as file:
        file.write(stamped(begun + 5))
    site.run()
    site.clock = begun + 5 * HOURS
    ran = site.history(tmp_path / "h", site.access)
    series = requests(samples(tmp_path / "h"), status="200")
    assert [(begun - 2, 51), (begun - 1, 0)] == series[-2:]
    assert ran.said("1 line stamped after counting began")
    assert 1 == ran.requests


def test_a_young_seam_is_refused_with_the_time_from_which_it_works(
    site: Site, tmp_path: Path
) -> None:
    site.clock = BEGINNING + 1000
    old = put(site.rotated(1), lines(range(100)))
    site.append(range(200, 210))
    site.run()
    site.clock += 3 * HOURS
    with pytest.raises(ConfigError, match=r"run this again from 20\d\d-"):
        site.history(tmp_path / "h", old)
    assert not written(tmp_path / "h")
    site.clock += HOURS
    site.history(tmp_path / "h", old)
    assert written(tmp_path / "h")


def test_lines_newer_than_four_hours_of_an_unknown_log_are_left_out_and_said(
    site: Site, tmp_path: Path
) -> None:
    site.clock = BEGINNING + 10 * HOURS
    text = b"".join(stamped(BEGINNING + n * 60) for n in range(600))
    ran = site.history(tmp_path / "h", put(site.rotated(1), text))
    series = requests(samples(tmp_path / "h"), status="200")
    assert series[-1][0] <= site.clock - 4 * HOURS
    assert ran.said(r"left out 24[01] lines newer than 4 hours")


def test_undated_lines_count_with_the_line_before_and_are_reported(
    site: Site, tmp_path: Path
) -> None:
    site.clock = BEGINNING + 86_400
    torn = stamped(BEGINNING + 90).replace(b"/Nov/", b"/Foo/")
    text = stamped(BEGINNING + 30) + torn + stamped(BEGINNING + 100)
    site.history(tmp_path / "h", put(site.rotated(1), text))
    series = dict(requests(samples(tmp_path / "h"), status="200"))
    at = (BEGINNING + 30) // 60 * 60 + 60
    assert 2 == series[at]
    assert 3 == series[at + 60]


def test_since_and_until_bound_it_to_the_second(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    text = b"".join(stamped(BEGINNING + n) for n in range(600))
    timing = Timing(60, BEGINNING + 101, BEGINNING + 403)
    site.history(tmp_path / "h", put(site.rotated(1), text), timing=timing)
    kept = b"".join(stamped(BEGINNING + n) for n in range(101, 403))
    assert agrees(samples(tmp_path / "h"), kept)


def test_a_stamp_of_1970_is_refused_and_left_out_by_since(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    old = put(site.rotated(1), lines(range(100)) + stamped(86_400))
    with pytest.raises(LogError, match="stamped in the year 1970"):
        site.history(tmp_path / "h", old)
    timing = Timing(60, BEGINNING - 86_400)
    site.history(tmp_path / "i", old, timing=timing)
    assert 100 == requests(samples(tmp_path / "i"), status="200")[-1][1]


def test_a_log_without_stamps_is_refused_with_the_reason(site: Site, tmp_path: Path) -> None:
    form = '%h "%r" %>s %b'
    old = put(site.rotated(1), b'h "GET / HTTP/1.1" 200 7\n' * 30)
    ran = site.history(tmp_path / "h", old, format=form)
    assert Exit.DATA == ran.exit
    assert ran.said("have no time stamps")


def test_a_gateway_or_series_labels_must_say_which_labels_history_has(
    site: Site, tmp_path: Path
) -> None:
    old = put(site.rotated(1), line(1))
    with pytest.raises(ConfigError, match="--series-label"):
        site.history(tmp_path / "h", old, labels={})


def test_a_log_that_a_run_begins_to_count_meanwhile_is_refused(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    old = put(site.access, lines(range(200)))

    def push(_: At) -> None:
        site.run()

    with pytest.raises(LogError, match="a run began to count it meanwhile"):
        site.history(tmp_path / "h", old, stop=At(2, push))
    assert not written(tmp_path / "h")


def test_what_went_into_living_series_is_no_history(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    old, other = put(site.rotated(1), lines(range(100))), put(site.rotated(2), lines(range(50)))
    site.backfill(old, into_live=True)
    ran = site.history(tmp_path / "h", old, other)
    assert ran.said("in the living series")
    assert not written(tmp_path / "h")
    site.backfill(put(site.rotated(3), lines(range(500, 520))))
    site.history(tmp_path / "h", site.rotated(3))
    assert [20, 0] == [value for _, value in requests(samples(tmp_path / "h"), status="200")[-2:]]


def test_nothing_to_write_is_said_and_leaves_the_directory_free(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    old = put(site.rotated(1), lines(range(100)))
    timing = Timing(60, BEGINNING + 500)
    ran = site.history(tmp_path / "h", old, timing=timing)
    assert ran.said("there is nothing to write")
    site.history(tmp_path / "h", old)
    assert 100 == requests(samples(tmp_path / "h"), status="200")[-1][1]


def test_a_refusal_leaves_no_directory_behind(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 1000
    old = put(site.rotated(1), lines(range(100)))
    site.append(range(200, 210))
    site.run()
    with pytest.raises(ConfigError):
        site.history(tmp_path / "h", old)
    assert not (tmp_path / "h").exists()


def test_labels_of_another_group_are_refused(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    old = put(site.rotated(1), lines(range(100)))
    store = Store(str(site.checkpoint))
    store.prepare()
    state = store.load() or State(state_id="anew")
    store.commit(replace(state, group=Group("batchlog", {"instance": "web1"})))
    with pytest.raises(ConfigError, match="belongs to"):
        site.history(tmp_path / "h", old, labels={}, job="other", gateway=("http://127.0.0.1:1",))


def test_a_file_that_changes_while_it_is_read_leaves_the_history_to_the_next_run(
    site: Site, tmp_path: Path
) -> None:
    site.clock = BEGINNING + 86_400
    one, two = put(site.rotated(1), lines(range(500))), put(site.rotated(2), lines(range(700, 800)))

    def cut(_: At) -> None:
        one.write_bytes(lines(range(400)))

    ran = site.history(tmp_path / "h", one, two, stop=At(4, cut))
    assert Exit.DATA == ran.exit
    assert ran.said("the history is not written yet")
    assert not written(tmp_path / "h")
    assert Exit.OK == site.history(tmp_path / "h", one, two).exit
    assert 500 == requests(samples(tmp_path / "h"), status="200")[-1][1]


def test_a_resumed_history_judges_malformed_lines_as_a_whole_one(
    site: Site, tmp_path: Path
) -> None:
    site.clock = BEGINNING + 86_400
    bad = put(site.rotated(2), lines(range(500)) + b"what?\n" * 300)
    good = put(site.rotated(1), lines(range(700, 800)))
    assert Exit.DATA == site.history(tmp_path / "whole", bad, good).exit
    ran = site.history(tmp_path / "h", bad, good, stop=At(8, lambda at: at.set()))
    assert ran.said("interrupted")
    assert (tmp_path / "h" / ".work" / "steps").stat().st_nlink > 2
    assert Exit.DATA == site.history(tmp_path / "h", bad, good).exit


def test_a_file_without_any_time_is_named(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    untimed = b"".join(stamped(BEGINNING + n).replace(b"/Nov/", b"/Foo/") for n in range(20))
    ran = site.history(
        tmp_path / "h", put(site.rotated(1), untimed), put(site.rotated(2), lines(range(50)))
    )
    assert ran.said(r"access\.log\.1: no line has a time that can be read")


def test_the_same_age_goes_on_from_where_it_was_at_the_beginning(
    site: Site, tmp_path: Path
) -> None:
    """An age is another second in each run; the history keeps the first one's."""
    site.clock = BEGINNING + 86_400
    paths = [put(site.rotated(n), lines(range(n * 40, n * 40 + 40))) for n in (1, 2, 3)]
    for later, stop in ((0, At(6, lambda at: at.set())), (10, None)):
        site.clock += later
        timing = Timing(60, int(site.clock) - 86_400 + 50)
        ran = site.history(tmp_path / "h", *paths, timing=timing, asked=("23h50s", ""), stop=stop)
    assert Exit.OK == ran.exit
    assert 110 == requests(samples(tmp_path / "h"), status="200")[-1][1]


def test_another_directory_for_blocks_is_judged_before_anything_is_read(
    site: Site, tmp_path: Path, promtool: Promtool
) -> None:
    assert promtool.program
    site.clock = BEGINNING + 86_400
    old = put(site.rotated(1), lines(range(100)))
    with pytest.raises(ConfigError, match="holds other files"):
        site.history(tmp_path / "h", old, tsdb=site.logs)
    assert not (tmp_path / "h").exists()
    site.history(tmp_path / "h", old, tsdb=tmp_path / "t")
    made = sorted((tmp_path / "t").glob("*/meta.json"))
    assert made
    with pytest.raises(ConfigError, match="blocks of another history"):
        site.history(tmp_path / "i", old, tsdb=tmp_path / "t")
    assert not (tmp_path / "i").exists()
    assert made == sorted((tmp_path / "t").glob("*/meta.json"))
    site.history(tmp_path / "i", old, tsdb=tmp_path / "t", force=True)


@pytest.mark.usefixtures("promtool")
def test_another_directory_for_blocks_takes_one_run_at_a_time(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    old = put(site.rotated(1), lines(range(100)))

    def again(_: At) -> None:
        with pytest.raises(Busy, match="another run"):
            site.history(tmp_path / "i", old, tsdb=tmp_path / "t")

    assert Exit.OK == site.history(tmp_path / "h", old, tsdb=tmp_path / "t", stop=At(2, again)).exit
    assert not (tmp_path / "i").exists()


@pytest.mark.usefixtures("promtool")
def test_a_kill_at_the_end_leaves_nothing_behind_for_ever(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks alone: the files they were made of go before the history says it is complete."""
    site.clock = BEGINNING + 86_400
    old, here = put(site.rotated(1), lines(range(100))), tmp_path / "h"
    for of, name in ((manifest.Directory, "complete"), (Journal, "remove")):
        with monkeypatch.context() as patch:
            patch.setattr(of, name, die_of_any)
            with pytest.raises(Killed):
                site.history(here, old, tsdb=here, force=True)
        assert {} == written(here)
    assert (here / ".work").exists()
    with pytest.raises(ConfigError, match="holds a complete history"):
        site.history(here, old, tsdb=here)
    assert not (here / ".work").exists()
    assert list(here.glob("*/meta.json"))


@pytest.mark.usefixtures("promtool")
def test_a_kill_after_the_blocks_are_in_place_elsewhere_keeps_them(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.clock = BEGINNING + 86_400
    old, there = put(site.rotated(1), lines(range(100))), tmp_path / "t"
    with monkeypatch.context() as patch:
        patch.setattr(manifest.Directory, "complete", die_of_any)
        with pytest.raises(Killed):
            site.history(tmp_path / "h", old, tsdb=there)
    made = sorted(there.glob("*/meta.json"))
    assert Exit.OK == site.history(tmp_path / "h", old, tsdb=there).exit
    assert made == sorted(there.glob("*/meta.json"))
    assert not (there / ".work").exists()


def die_of_any(*_: object) -> None:
    """End the run, whatever is asked."""
    raise Killed


def test_lines_beyond_the_limit_of_series_are_told_of(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    hosts = (b"a.example", b"b.example", b"c.example", b"c.example")
    old = put(
        site.rotated(1),
        b"".join(host + b":80 " + stamped(BEGINNING + n) for n, host in enumerate(hosts)),
    )
    ran = site.history(tmp_path / "h", old, format="vhost_combined", by="vhost", max_series=2)
    assert ran.said(r"2 lines were put into `other`: max_series \(2\) was reached", WARNING)


def test_a_clock_that_began_in_another_year_is_told_of(site: Site, tmp_path: Path) -> None:
    site.clock = BEGINNING + 86_400
    board = 1_704_067_200 + 30  # 2024-01-01
    old = put(site.rotated(1), stamped(board) + lines(range(100)))
    ran = site.history(tmp_path / "h", old, timing=Timing(300))
    assert ran.said(r"2024-01-01.*--since 2026-11-17T00:00Z --force", WARNING)
    timing = Timing(300, int(datetime.fromisoformat("2026-11-17T00:00Z").timestamp()))
    ran = site.history(tmp_path / "h", old, timing=timing, force=True)
    assert not ran.said("2024-01-01")
    assert 100 == requests(samples(tmp_path / "h"), status="200")[-1][1]
