"""The bytes on disk: golden, verified, and readable by later versions."""

from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from batchlog.errors import CheckpointError
from batchlog.state.checkpoint import Entry, Series, State, checksum, decode, encode
from tests.state.states import full

GOLDEN = Path(__file__).with_name("golden.json")


def test_the_bytes_on_disk_are_those_of_version_1() -> None:
    assert GOLDEN.read_bytes() == encode(full())


def test_a_checkpoint_written_by_version_1_is_read() -> None:
    assert full() == decode(GOLDEN.read_bytes())


def test_r112_a_mark_says_that_it_stands_inside_a_line_only_where_it_does() -> None:
    assert b"inside" not in encode(full())
    mark = replace(full().logs[0].segments[1].mark, inside=True)
    segment = replace(full().logs[0].segments[1], mark=mark)
    state = replace(full(), logs=(replace(full().logs[0], segments=(segment,)),))
    assert state == decode(encode(state))


def test_a_minimal_state_survives() -> None:
    state = State("id")
    assert state == decode(encode(state))


def test_the_checksum_is_over_the_raw_bytes_of_the_state() -> None:
    envelope = msgspec.json.decode(encode(full()))
    raw = encode(full()).partition(b'"state":')[2].removesuffix(b"}\n")
    assert envelope["checksum"] == checksum(raw)


def test_no_line_of_a_log_and_no_secret_is_in_it() -> None:
    text = GOLDEN.read_text()
    for word in ("GET ", "password", "token", "user_agent"):
        assert word not in text


@pytest.mark.parametrize("cut", [0, 1, 10, 100, 500, -2, -40])
def test_r63_a_cut_file_is_refused(cut: int) -> None:
    with pytest.raises(CheckpointError):
        decode(GOLDEN.read_bytes()[:cut])


def test_r63_a_change_of_any_one_byte_is_refused_or_changes_nothing() -> None:
    data = GOLDEN.read_bytes()
    for at in range(0, len(data) - 1, 3):
        changed = data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        try:
            assert full() == decode(changed)
        except CheckpointError:
            continue


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 4096, b"null", b"[]", b"{}", b"\xff", b"[" * 100_000, b"7", b'"x"']
)
def test_r63_what_is_no_checkpoint_is_refused(data: bytes) -> None:
    with pytest.raises(CheckpointError):
        decode(data)


def test_a_state_of_wrong_types_with_a_right_checksum_is_refused() -> None:
    raw = b'{"state_id": 7}'
    envelope = {"version": 1, "oldest_reader": 1, "checksum": checksum(raw)}
    data = msgspec.json.encode(envelope)[:-1] + b',"state":' + raw + b"}"
    with pytest.raises(CheckpointError, match="not a checkpoint's"):
        decode(data)


def test_negative_totals_are_refused() -> None:
    bad = replace(full(), totals=(Series((("status", "200"),), -1, 0, 0),))
    with pytest.raises(CheckpointError):
        decode(encode(bad))


def test_r64_a_newer_format_is_refused_with_both_versions() -> None:
    envelope = msgspec.json.decode(GOLDEN.read_bytes()) | {"version": 4, "oldest_reader": 3}
    with pytest.raises(CheckpointError, match=r"format 4, this one reads up to 1"):
        decode(msgspec.json.encode(envelope))


def test_r78_fields_that_a_newer_version_adds_are_passed_over() -> None:
    raw = b'{"state_id":"id","new":{"a":[1]}}'
    envelope = {"version": 2, "oldest_reader": 1, "checksum": checksum(raw), "more": 1}
    data = msgspec.json.encode(envelope)[:-1] + b',"state":' + raw + b"}"
    assert State("id") == decode(data)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_any_path_that_is_text_survives(path: str) -> None:
    state = State("id", entries=(Entry(path),))
    assert state == decode(encode(state))


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_any_path_that_a_file_can_have_survives(name: bytes) -> None:
    state = State("id", entries=(Entry(name.decode("utf-8", "surrogateescape")),))
    assert state == decode(encode(state))


def test_counts_above_64_bits_are_no_crash() -> None:
    big = replace(full(), totals=(Series((("status", "200"),), 1, 2**70, 0),))
    with suppress(CheckpointError):
        assert big == decode(encode(big))
