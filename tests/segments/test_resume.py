"""Decide what each file of a log is: one scenario a test, from bytes."""

from collections.abc import Mapping, Sequence

from batchlog.segments.gaps import lost_bytes
from batchlog.segments.known import Segment, Sight
from batchlog.segments.past import Past, oldest_first
from batchlog.segments.resume import Decision, decide
from tests.segments.contents import Bytes, Looked, segment
from tests.site import lines

ORIGIN = 1_795_000_000
"""When counting began: later than the files here were written."""

ONE, TWO = lines(range(100)), lines(range(100, 200))


def decided(
    segments: Sequence[Segment], known: Mapping[int, Sequence[Sight]], files: Sequence[Looked]
) -> list[Decision]:
    """Decide as in a run that begins with these segments."""
    past = Past(oldest_first(segments), ORIGIN)
    return decide(segments, known, files, past)


def kinds(found: list[Decision]) -> list[tuple[str, int]]:
    return [(one.kind, one.segment) for one in found]


def test_the_file_of_a_segment_is_same_wherever_it_is_now() -> None:
    found = decided([segment(ONE, 500)], {}, [Looked(Bytes(ONE), inode=9)])
    assert [("same", 0)] == kinds(found)


def test_r2_rename_and_create_in_one_go() -> None:
    files = [Looked(Bytes(ONE), 1, first=1), Looked(Bytes(TWO), 2, active=True, first=2)]
    assert [("same", 0), ("new", -1)] == kinds(decided([segment(ONE, 500)], {}, files))


def test_r12_an_inode_used_again_is_no_reason_to_resume() -> None:
    found = decided([segment(ONE, 500, inode=7)], {}, [Looked(Bytes(TWO), 7, active=True)])
    assert [("new", -1)] == kinds(found)


def test_r26_of_two_bearers_the_plain_one_is_read() -> None:
    files = [Looked(Bytes(ONE), 2, form="gzip"), Looked(Bytes(ONE), 1)]
    assert [("twin", 0), ("same", 0)] == kinds(decided([segment(ONE, 500)], {}, files))


def test_r32_of_two_plain_bearers_the_longer_is_read() -> None:
    files = [Looked(Bytes(ONE[:900]), 2), Looked(Bytes(ONE), 1)]
    assert [("twin", 0), ("same", 0)] == kinds(decided([segment(ONE, 500)], {}, files))


def test_r26_a_copy_in_the_making_waits() -> None:
    known = segment(ONE, len(ONE))
    files = [Looked(Bytes(ONE[:300]), 2), Looked(Bytes(ONE), 1, active=True)]
    assert [("waits", 0), ("same", 0)] == kinds(decided([known], {}, files))


def test_r37_a_shorter_archive_keeps_the_mark() -> None:
    found = decided([segment(ONE)], {}, [Looked(Bytes(ONE[:3000]), 2, form="gzip")])
    assert [("kept", 0)] == kinds(found)


def test_r98_a_shorter_live_file_was_cut() -> None:
    found = decided([segment(ONE)], {}, [Looked(Bytes(ONE[:3000]), 1, active=True)])
    assert [("cut", 0)] == kinds(found)


def test_r30_the_same_head_with_another_tail_is_rewritten() -> None:
    edited = ONE[:5000] + ONE[5000:].replace(b"192.0.2.", b"000.0.0.")
    found = decided([segment(ONE, first=5)], {}, [Looked(Bytes(edited), 2, first=5)])
    assert [("rewritten", 0)] == kinds(found)


def test_r30_another_content_with_the_first_stamp_of_a_segment_that_is_gone_is_rewritten() -> None:
    masked = ONE.replace(b"192.0.2.", b"0.0.0.")
    found = decided([segment(ONE, first=5)], {}, [Looked(Bytes(masked), 2, first=5)])
    assert [("rewritten", 0)] == kinds(found)


def test_a_file_older_than_all_that_is_remembered_is_old() -> None:
    found = decided([segment(TWO, first=100)], {}, [Looked(Bytes(ONE), 2, first=5)])
    assert [("old", -1)] == kinds(found)


def test_a_rotated_file_younger_than_what_is_remembered_is_new() -> None:
    found = decided([segment(ONE, first=5)], {}, [Looked(Bytes(TWO), 2, first=100)])
    assert [("new", -1)] == kinds(found)


def test_a_file_without_stamps_is_new() -> None:
    found = decided([segment(ONE, first=5)], {}, [Looked(Bytes(TWO), 2)])
    assert [("new", -1)] == kinds(found)


def test_the_active_file_is_new_even_with_an_old_stamp() -> None:
    found = decided([segment(TWO, first=100)], {}, [Looked(Bytes(ONE), 2, active=True, first=5)])
    assert [("new", -1)] == kinds(found)


def test_r13_of_two_segments_with_one_head_the_tail_decides() -> None:
    header = b"#" * 5000 + b"\n"
    segments = [segment(header + ONE, inode=1), segment(header + TWO, inode=2)]
    files = [Looked(Bytes(header + TWO + ONE), 1), Looked(Bytes(header + ONE + TWO), 2)]
    assert [("same", 1), ("same", 0)] == kinds(decided(segments, {}, files))


def test_while_an_unchanged_plain_bearer_is_there_an_archive_is_a_twin() -> None:
    known = segment(ONE)
    found = decided([known], {0: known.bearers}, [Looked(Bytes(ONE), 2, form="gzip")])
    assert [("twin", 0)] == kinds(found)


def test_lost_bytes_are_what_the_last_plain_sight_had_beyond_the_mark() -> None:
    assert len(ONE) - 500 == lost_bytes(segment(ONE, 500))
    assert 0 == lost_bytes(segment(ONE))
