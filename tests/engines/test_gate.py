"""What a client hears of a scheduler that is not to be trusted (R130)."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from distributed.protocol import Serialize, ToPickle, dumps, loads, to_serialize
from distributed.protocol.serialize import serialize
from hypothesis import given
from hypothesis import strategies as st

from batchlog.engines.gate import Answer, understood


class Trap:
    """What leaves a trace where it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self._witness = witness

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, (str(self._witness),)


def frames(message: object, **how: Any) -> list[bytes]:  # noqa: ANN401 - Dask's own
    return [bytes(one) for one in dumps(message, **how)]


def heard(message: object, **how: Any) -> Any:  # noqa: ANN401 - any message
    return understood(frames(message, **how))


def the_class(trap: Trap) -> Serialize:
    """Return bytes whose header says that their class is a trap: Dask unpickles it."""
    header, body = serialize(b"data", serializers=["dask"])
    header["type-serialized"] = pickle.dumps(trap)
    from distributed.protocol import Serialized

    return Serialized(header, body)


CARRIERS: dict[str, Callable[[Trap], object]] = {
    "pickled": ToPickle,
    "serialized": to_serialize,
    "in a collection": lambda trap: to_serialize({"a": [trap]}),
    "as the class of bytes": the_class,
    "bytes": pickle.dumps,
    "serialized bytes": lambda trap: to_serialize(pickle.dumps(trap)),
}

PLACES: dict[str, Callable[[object], object]] = {
    "alone": lambda one: one,
    "a handshake": lambda one: {"compression": one, "python": (3, 11), "pickle-protocol": 5},
    "a result": lambda one: {"status": "OK", "data": {"key": one}},
    "an error": lambda one: {"status": "uncaught-error", "exception": one, "traceback": one},
    "an erred task": lambda one: ({"op": "task-erred", "key": "k", "exception": one},),
    "a type": lambda one: ({"op": "key-in-memory", "key": "k", "type": one},),
    "a warning": lambda one: ({"op": "event", "topic": "warn", "event": (0, {"message": one})},),
    "a key": lambda one: ({"op": "lost-data", "key": one},),
    "a broadcast": lambda one: {"tcp://127.0.0.1:1": one},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("carrier", CARRIERS)
def test_r130_nothing_that_is_pickled_is_heard(tmp_path: Path, carrier: str, place: str) -> None:
    witness = tmp_path / "witness"
    message = PLACES[place](CARRIERS[carrier](Trap(witness)))
    found = heard(message)
    assert not witness.exists()
    assert "Trap" not in repr(found)
    assert not any(isinstance(one, bytes) for one in values(found))


def test_the_trap_works_where_dask_itself_reads(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    for carrier in ("pickled", "serialized", "in a collection"):
        loads(frames(CARRIERS[carrier](Trap(witness))))
        witness.rmdir()


def values(found: object) -> list[object]:
    """Return all values in one, itself included."""
    if isinstance(found, dict):
        return [one for pair in found.items() for part in pair for one in values(part)]
    if isinstance(found, tuple):
        return [one for part in found for one in values(part)]
    return [found]


def test_bytes_of_a_result_are_handed_on_as_no_bytes() -> None:
    found = heard({"status": "OK", "data": {"k": to_serialize(b"x" * 100_000)}})
    answer = found["data"]["k"]
    assert isinstance(answer, Answer)
    assert b"x" * 100_000 == answer.data


def test_only_names_of_keys_are_heard_of_a_report() -> None:
    reports = (
        {"op": "key-in-memory", "key": "a", "type": b"t", "workers": ("w",)},
        {"op": "event", "topic": "print", "event": (0, {"args": ("\x1b[2J",)})},
        {"op": "error", "exception": "x"},
        {"op": ["a list"], "key": "a"},
        {"status": "error", "exception": "x"},
        {"op": "cancelled-keys", "keys": ("a", "b"), "reason": "r"},
        "text",
        None,
    )
    expected = (
        {"op": "key-in-memory", "key": "a"},
        {"op": "cancelled-keys", "keys": ("a", "b")},
    )
    assert expected == heard(reports)


@pytest.mark.parametrize(
    "message",
    [[b"\xc1"], [b""], [], [b"\x81\xae__Serialized__\x09"], [b"\x91" * 5000], [b"\x93\x01"]],
)
def test_r130_what_is_no_message_is_refused(message: list[bytes]) -> None:
    with pytest.raises(ValueError, match="no message"):
        understood(message)


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4))
def test_r130_any_bytes_are_a_message_or_refused(message: list[bytes]) -> None:
    try:
        found = understood(message)
    except ValueError:
        return
    assert not any(isinstance(one, bytes) for one in values(found))
