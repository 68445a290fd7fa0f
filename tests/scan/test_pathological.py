"""Lines made to be slow: work grows with their length, not with its square.

A line eight times as long may take eight times as long, and does take 64 times as long where an
expression goes back over what it read. The limit between the two leaves room for a busy machine;
there is none on time itself. The longer one is as long as a line may be: 64 KiB.
"""

from collections.abc import Callable
from functools import partial
from time import process_time

import pytest

from batchlog.detect import detect, explain
from batchlog.formats import PRESETS, resolve
from batchlog.scan import scanner
from batchlog.scan.count import stamper

HEAD = b"192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "
SHORT, FACTOR, LIMIT = 8_192, 8, 28

PIECES = [b'"', b"\\", b" ", b"[", b"-", b"9", b'\\"', b'" ', b" [", b":"]
LINES: dict[str, Callable[[int], bytes]] = {
    "pairs of quotes": lambda n: b'1 2 ""' + b'""' * (n // 2),
    "a user of brackets": lambda n: b"1 - " + b"a [" * (n // 3) + b'b] "',
    "a user of quotes": lambda n: b"1 - " + b'""\\" ' * (n // 5) + HEAD,
    "a stamp of brackets": lambda n: b"1 - - [" + b"] [" * (n // 3),
    "a request of escapes": lambda n: HEAD + b'"' + b"\\\\" * (n // 2),
    "a request of escaped quotes": lambda n: HEAD + b'"' + b'\\"' * (n // 2) + b'" 200 x',
    "a request of words": lambda n: HEAD + b'"' + b"GET 200 5 " * (n // 10) + b'" - -',
    "a status of digits": lambda n: HEAD + b'"" ' + b"2" * n,
    "bytes of digits": lambda n: HEAD + b'"" 200 ' + b"5" * n,
    "an agent of quotes": lambda n: HEAD + b'"" 200 5 "-" "' + b'\\" ' * (n // 3),
    "a host of dots": lambda n: b"a." * (n // 2) + b" " + HEAD + b'"" 200 5',
    "a host of colons": lambda n: b"1:" * (n // 2) + b"80 " + HEAD + b'"" 200 5',
    "statuses": lambda n: b"GET " + b"200 " * (n // 4) + b"x",
    "stamps": lambda n: b"1 - - " + b"[10/Oct/2000:13:55:36 -0700" * (n // 27) + b'] "" 200 5',
}
FORMATS = [
    *(PRESETS[name] for name in ("common", "vhost_combined", "combinedio")),
    resolve('%r %>s %b %{sec}t "%U%q" %D'),
    resolve('$host $request_time$pipe "$scheme://$host$request_uri" $status "$http_x" $msec'),
]
BY = ("status", "method", "protocol", "vhost")


def work(line: bytes) -> list[Callable[[], object]]:
    """Return all that is done with a line, a format at a time."""
    tasks: list[Callable[[], object]] = [partial(detect, [line])]
    for form in FORMATS:
        tasks.append(partial(scanner(form, BY, (1, 2)).scan, line + b"\n"))
        tasks.append(partial(stamper(form), line))
        tasks.append(partial(explain, form, line))
    return tasks


def cost(task: Callable[[], object]) -> float:
    """Return the least of three times, in seconds of this process."""
    times = []
    for _ in range(3):
        begun = process_time()
        task()
        times.append(process_time() - begun)
    return min(times)


def assert_linear(make: Callable[[int], bytes]) -> None:
    for short, long in zip(work(make(SHORT)), work(make(SHORT * FACTOR)), strict=True):
        cost(short)  # compiles what is not compiled yet
        assert cost(long) < LIMIT * max(cost(short), 1e-4)


@pytest.mark.parametrize("name", LINES)
def test_work_grows_with_the_length_of_a_line(name: str) -> None:
    assert_linear(LINES[name])


@pytest.mark.parametrize("piece", PIECES)
def test_work_grows_with_the_length_of_a_line_of_one_thing(piece: bytes) -> None:
    assert_linear(lambda length: piece * (length // len(piece)))
