"""Arrays over a chunk: what each function finds is what a loop over the positions finds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from batchlog.scan.arrays import DIGITS, WORD, Chunk, dense, numbers, sums

MARGIN = b"." * 2 * WORD
MANY = 400
"""Positions for which arrays are used, not a loop."""

Pair = tuple[int, int]

texts = st.text("ab ", min_size=1, max_size=60).map(str.encode)
pairs = st.tuples(st.integers(0, 59), st.integers(0, 59)).map(lambda one: (min(one), max(one)))


@given(
    texts,
    st.lists(pairs, min_size=1, max_size=9),
    st.sampled_from([b"a", b" ", b"ab", b"ba ", b"aaaa aaaa ab"]),
)
def test_find_is_the_find_of_bytes(text: bytes, drawn: list[Pair], what: bytes) -> None:
    first, most = len(MARGIN), len(text)
    places = [(first + min(a, most), first + min(b, most)) for a, b in drawn]
    places = (places * MANY)[:MANY]
    chunk = Chunk(MARGIN + text + MARGIN)
    begin, end = (np.array(one, np.int64) for one in zip(*places, strict=True))
    found = [(chunk.data.find(what, a, b), b) for a, b in places]
    expected = [b if at < 0 else at for at, b in found]
    assert expected == chunk.find(begin, what, end).tolist()
    assert expected[:9] == chunk.find(begin[:9], what, end[:9]).tolist()


@given(texts, st.binary(min_size=1, max_size=20), st.integers(0, 59))
def test_holds_is_the_startswith_of_bytes(text: bytes, other: bytes, at: int) -> None:
    chunk = Chunk(MARGIN + text + MARGIN + MARGIN)
    begin = len(MARGIN) + min(at, len(text))
    for what in filter(None, (other, text[at : at + 20])):
        found = chunk.holds(np.array([begin], np.int64), what)
        assert [chunk.data.startswith(what, begin)] == found.tolist()


@given(st.lists(st.text("0123456789", max_size=20) | st.text("0129-x.", max_size=20), min_size=1))
def test_numbers_are_those_of_int(words: list[str]) -> None:
    data, begin, end = MARGIN, [], []
    for word in words:
        begin.append(len(data))
        data += word.encode()
        end.append(len(data))
        data += b" "
    value, sure = numbers(Chunk(data + MARGIN), np.array(begin, np.int64), np.array(end, np.int64))
    for word, number, fine in zip(words, value.tolist(), sure.tolist(), strict=True):
        assert fine == (word.isdigit() and len(word) <= DIGITS)
        assert not fine or int(word) == number


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2**53)), min_size=1, max_size=50))
def test_sums_are_exact(drawn: list[Pair]) -> None:
    keys, values = (np.array(one, np.int64) for one in zip(*drawn, strict=True))
    expected = [sum(value for key, value in drawn if key == number) for number in range(6)]
    assert expected == sums(keys, values, 6).tolist()


@given(st.lists(st.integers(0, 9), min_size=1))
def test_dense_numbers_stand_for_their_codes(codes: list[int]) -> None:
    found, used = dense(np.array(codes, np.int64), 10)
    assert codes == used[found].tolist()
    assert sorted(set(codes)) == used.tolist()
