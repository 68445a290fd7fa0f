"""The labels of a log: its entry's, and those that a regular expression finds in its path."""

import signal
from threading import Thread

from batchlog.config.schema import LogEntry
from batchlog.path_labels import given_up, path_label_names, static_labels

HOSTILE = "/l/" + "a" * 200
ENDLESS = [r"(?P<site>(a+)+)b$", r"(?P<site>(?:a|aa)+)!", r"(?P<site>(\w+\s?)*)!$"]


def test_labels_come_from_the_entry_and_the_path() -> None:
    entry = LogEntry(
        "/l/*", labels={"tier": "edge"}, labels_from_path=r"(?P<site>[^/]+)-access\.log$"
    )
    assert {"tier": "edge", "site": "shop"} == static_labels(entry, "/l/shop-access.log")
    assert {"tier": "edge", "site": "other"} == static_labels(entry, "/l/strange")
    assert frozenset({"site"}) == path_label_names(entry)
    assert frozenset() == path_label_names(LogEntry("/l/*"))


def test_r119_a_name_that_a_search_goes_back_over_for_ever_is_other() -> None:
    for pattern in ENDLESS:
        entry = LogEntry("/l/*", labels={"tier": "edge"}, labels_from_path=pattern)
        assert {"tier": "edge", "site": "other"} == static_labels(entry, HOSTILE)
        assert [1, 0] == [len(given_up(entry, name)) for name in (HOSTILE, "/l/honest")]


def test_honest_names_among_hostile_ones_keep_their_labels() -> None:
    entry = LogEntry("/l/*", labels_from_path=ENDLESS[0])
    names = ["/l/aab", HOSTILE, "/l/ab", HOSTILE + "c", "/l/none"]
    found = [static_labels(entry, name)["site"] for name in names]
    assert ["aa", "other", "a", "other", "other"] == found


def test_a_search_leaves_signals_as_they_were() -> None:
    before = signal.getsignal(signal.SIGVTALRM)
    static_labels(LogEntry("/l/*", labels_from_path=ENDLESS[0]), HOSTILE + "/once")
    assert before == signal.getsignal(signal.SIGVTALRM)
    assert (0.0, 0.0) == signal.getitimer(signal.ITIMER_VIRTUAL)


def test_other_threads_are_answered_too() -> None:
    found = []
    entry = LogEntry("/l/*", labels_from_path=r"(?P<site>thread\d)")
    thread = Thread(target=lambda: found.append(static_labels(entry, "/l/thread1")))
    thread.start()
    thread.join()
    assert [{"site": "thread1"}] == found
