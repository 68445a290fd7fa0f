"""Archives of many tiny, empty or skipped members, in every form (R113)."""

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchlog import codecs
from batchlog.codecs import decompressors, members
from batchlog.codecs.decompressors import Decompressor, Maker
from batchlog.codecs.members import INPUT, OUTPUT
from batchlog.codecs.skipped import header_length, nothing

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHECKED: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
UNSIZED: dict[int, int] = {zstd.CompressionParameter.content_size_flag: 0}
LINE = b'127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 23\n'


def skipped(data: bytes, first: int = 0x50) -> bytes:
    """Return a skippable frame (RFC 8878, 3.1.2)."""
    return bytes([first]) + b"\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data


def streamed(options: dict[int, int]) -> bytes:
    """Return an empty frame whose size the compressor did not know."""
    stream = zstd.ZstdCompressor(options=options)
    return stream.compress(b"") + stream.flush()


def named(name: bytes) -> bytes:
    """Return an empty gzip member with a file name (RFC 1952)."""
    return b"\x1f\x8b\x08\x08" + bytes(6) + name + b"\0" + gzip.compress(b"", mtime=0)[10:]


def extra(size: int) -> bytes:
    header = b"\x1f\x8b\x08\x04" + bytes(6) + size.to_bytes(2, "little") + b"e" * size
    return header + gzip.compress(b"", mtime=0)[10:]


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstd.compress(data, options=CHECKED),
}

EMPTY: dict[str, list[bytes]] = {
    "gzip": [gzip.compress(b"", mtime=9), named(b"access.log"), named(b"n" * 3000), extra(2000)],
    "bzip2": [bz2.compress(b"")],
    "xz": [lzma.compress(b""), lzma.compress(b"", check=lzma.CHECK_NONE)],
    "zstd": [
        skipped(b""),
        skipped(b"x" * 5, 0x5F),
        zstd.compress(b""),
        zstd.compress(b"", options=CHECKED),
        streamed(CHECKED),
        streamed({**CHECKED, **UNSIZED}),
        streamed({zstd.CompressionParameter.window_log: 26}),
    ],
}

each_form = pytest.mark.parametrize("form", sorted(COMPRESS))
each_empty = pytest.mark.parametrize(
    ("form", "member"), [(form, member) for form, all_ in EMPTY.items() for member in all_]
)


class Counting:
    """A decompressor that counts the bytes it is given, and those it gives back."""

    given = begun = 0

    def __init__(self, member: Decompressor) -> None:
        self._member = member
        Counting.begun += 1

    def decompress(self, data: bytes, most: int) -> bytes:
        """Take in `data`, and count it."""
        Counting.given += len(data)
        return self._member.decompress(data, most)

    def __getattr__(self, name: str) -> object:
        return getattr(self._member, name)


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> type[Counting]:
    """Count what all members are given."""
    real = decompressors.maker

    def maker(form: str) -> Maker:
        made = real(form)
        return Maker(lambda: Counting(made.begin()), made.fault)  # type: ignore[arg-type, return-value]

    Counting.given = Counting.begun = 0
    monkeypatch.setattr(members, "maker", maker)
    return Counting


def blocks(form: str, data: bytes, chunk: int = 1 << 30) -> Iterator[tuple[bytes, bool]]:
    source = io.BytesIO(data)
    return codecs.decode(form, lambda size: source.read(min(size, chunk)))


def content(form: str, data: bytes) -> bytes:
    """Return what a whole file holds; all of it is verified in the end."""
    found = list(blocks(form, data))
    last = max((number for number, (block, _) in enumerate(found) if block), default=0)
    assert any(verified for _, verified in found[last:])
    return b"".join(block for block, _ in found)


@each_empty
def test_r113_what_members_are_given_grows_with_their_bytes(
    form: str, member: bytes, counting: type[Counting]
) -> None:
    data = COMPRESS[form](LINE) + member * (3 * INPUT // len(member)) + COMPRESS[form](LINE)
    assert LINE * 2 == content(form, data)
    # A kilobyte or twice what the one before took; the first one all that was read.
    assert counting.given <= INPUT + 3 * len(data) + 1024 * counting.begun


@each_form
def test_r113_lines_with_a_member_each_are_joined_to_few_blocks(
    form: str, counting: type[Counting]
) -> None:
    count = 2 * INPUT // len(COMPRESS[form](LINE))
    found = list(blocks(form, COMPRESS[form](LINE) * count))
    assert LINE * count == b"".join(block for block, _ in found)
    assert all(verified for block, verified in found if block)
    assert len(found) <= 2 + 2 * count * len(LINE) // members.TOGETHER
    assert count == counting.begun


@each_form
def test_r113_large_and_tiny_members_in_turn_cost_what_their_bytes_do(
    form: str, counting: type[Counting]
) -> None:
    large = b"".join(b"%d\n" % (number * 7919) for number in range(3000))
    data = (COMPRESS[form](large) + COMPRESS[form](b"x\n") * 3) * 20
    assert (large + b"x\n" * 3) * 20 == content(form, data)
    assert counting.given <= INPUT + 4 * len(data) + 1024 * counting.begun


def test_r113_frames_that_hold_nothing_need_no_decompressor(counting: type[Counting]) -> None:
    frames = b"".join(EMPTY["zstd"]) * 100
    assert b"" == content("zstd", frames)
    assert 0 == counting.begun


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("gzip", gzip.compress(b"x\n") + bytes(5 * INPUT)),
        ("xz", lzma.compress(b"x\n") + bytes(5 * INPUT)),
        ("zstd", zstd.compress(b"x\n") + skipped(bytes(5 * INPUT))),
        ("zstd", skipped(b"") * (5 * INPUT // 8)),
        ("bzip2", bz2.compress(b"") * (5 * INPUT // 14)),
        # Stored blocks that hold nothing, inside one member.
        ("gzip", gzip.compress(b"", mtime=0)[:10] + b"\0\0\0\xff\xff" * INPUT + b"\3\0" + bytes(8)),
        ("xz", lzma.compress(b"") * (5 * INPUT // 32)),
    ],
)
def test_r113_who_reads_hears_from_it_while_nothing_comes(form: str, data: bytes) -> None:
    """Between two blocks a reader looks whether it is to stop: some come for each read."""
    source, asked = io.BytesIO(data), [0]

    def read(size: int) -> bytes:
        asked[0] += 1
        return source.read(size)

    most = 0
    for _block in codecs.decode(form, read):
        most, asked[0] = max(most, asked[0]), 0
    assert most <= 2


@each_form
@given(
    parts=st.lists(
        st.one_of(st.integers(0, 6), st.binary(max_size=40), st.just(LINE)), max_size=12
    ),
    chunk=st.one_of(st.just(1 << 20), st.integers(1, 40)),
    cut=st.floats(0, 1),
)
def test_r113_members_cut_at_any_byte_verify_those_before(
    form: str, parts: list[int | bytes], chunk: int, cut: float
) -> None:
    made: list[tuple[bytes, bytes]] = []
    for part in parts:
        if isinstance(part, int):
            made.append((EMPTY[form][part % len(EMPTY[form])], b""))
        else:
            made.append((COMPRESS[form](part), part))
    data = b"".join(member for member, _ in made)
    end = int(cut * len(data))
    whole, at = b"", 0
    for member, part in made:
        at += len(member)
        whole += part if at <= end else b""
    verified, seen, fault = b"", b"", None
    try:
        for block, sure in blocks(form, data[:end], chunk):
            seen += block
            verified = seen if sure else verified
    except codecs.Truncated as error:
        fault = error
    borders = {0}
    for member, _ in made:
        borders.add(max(borders) + len(member))
    assert whole == verified
    assert b"".join(part for _, part in made).startswith(seen)
    assert (fault is None) == (end in borders - {0})


@each_form
@given(damage=st.integers(1, 255), place=st.floats(0, 1, exclude_max=True))
def test_r113_damage_in_one_of_many_leaves_those_before_it(
    form: str, damage: int, place: float
) -> None:
    one = COMPRESS[form](LINE)
    data = bytearray(one * 60)
    at = int(place * len(data))
    data[at] ^= damage
    verified, seen = b"", b""
    try:
        for block, sure in blocks(form, bytes(data)):
            seen += block
            verified = seen if sure else verified
    except (codecs.Truncated, codecs.Corrupt):
        pass
    before = LINE * (at // len(one))
    assert verified.startswith(before)


@pytest.mark.parametrize("length", [0, 1, 7, 8, INPUT, INPUT + 1, 0xFFFFFFFF])
@pytest.mark.parametrize("there", ["none", "half", "all"])
def test_a_skippable_frame_of_any_length(length: int, there: str) -> None:
    size = min(length, 3 * INPUT)
    body = bytes({"none": 0, "half": size // 2, "all": size}[there])
    data = zstd.compress(LINE) + b"\x5a\x2a\x4d\x18" + length.to_bytes(4, "little") + body
    seen = b""
    fault = False
    try:
        for block, _ in blocks("zstd", data):
            seen += block
    except codecs.Truncated:
        fault = True
    assert LINE == seen
    assert fault == (len(body) < length)


@given(data=st.binary(max_size=200), at=st.integers(0, 210))
def test_what_holds_nothing_never_goes_beyond_what_decompresses_to_nothing(
    data: bytes, at: int
) -> None:
    frames = b"".join(EMPTY["zstd"][byte % 7] if byte < 128 else data[:3] for byte in data[:20])
    length = nothing(frames, at)
    assert 0 <= length
    if length:
        assert b"" == zstd.decompress(frames[at : at + length] or zstd.compress(b""))


@pytest.mark.parametrize(
    "frame",
    [
        b"\x28\xb5\x2f\xfd\x00\x81\x01\0\0",  # a window above 64 MiB
        b"\x28\xb5\x2f\xfd\x04\x00\x01\0\0\x99\xe9\xd8\x52",  # a wrong checksum
        b"\x28\xb5\x2f\xfd\x20\x01\x01\0\0",  # it says that it holds a byte
        b"\x28\xb5\x2f\xfd\x00\x00\x00\0\0",  # another block follows
        b"\x28\xb5\x2f\xfd\x08\x00\x01\0\0",  # a reserved bit
        b"\x28\xb5\x2f\xfd\x01\x00\x07\x01\0\0",  # a dictionary
    ],
)
def test_a_frame_that_is_not_sure_is_the_decompressors(frame: bytes) -> None:
    assert 0 == nothing(frame, 0)
    with pytest.raises((codecs.Corrupt, codecs.Truncated)):
        list(blocks("zstd", frame))


@given(
    flags=st.sampled_from([0, 2, 4, 8, 16, 6, 12, 24, 30]),
    size=st.integers(0, 300),
    name=st.binary(max_size=50).filter(lambda name: b"\0" not in name),
)
def test_the_length_of_a_gzip_header(flags: int, size: int, name: bytes) -> None:
    header = bytes([0x1F, 0x8B, 8, flags]) + bytes(6)
    header += size.to_bytes(2, "little") + b"e" * size if flags & 4 else b""
    header += name + b"\0" if flags & 8 else b""
    header += name + b"\0" if flags & 16 else b""
    header += zlib.crc32(header).to_bytes(4, "little")[:2] if flags & 2 else b""
    assert (len(header) if flags else 0) == header_length(b"??" + header + b"body", 2)
    assert all(header_length(header[:cut], 0) <= cut for cut in range(len(header)))


@each_form
def test_blocks_stay_bounded_where_small_members_follow_a_large_one(form: str) -> None:
    data = COMPRESS[form](bytes(2 * OUTPUT)) + COMPRESS[form](LINE) * 5000
    sizes = [len(block) for block, _ in blocks(form, data)]
    assert max(sizes) <= OUTPUT
    assert 2 * OUTPUT + 5000 * len(LINE) == sum(sizes)
