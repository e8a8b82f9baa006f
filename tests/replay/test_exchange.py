"""Prepared exchanges: the writes and their offsets, for every framing and pace."""

from __future__ import annotations

import pytest

from harness.cassette import Pace
from harness.replay.exchange import Framing, plain, prepare
from tests.replay.wire import cassette

STREAM = cassette("s", (b"aa", b"", b"b"), (10, 20, 40), head_offset_ns=10, stream=True)
APART = cassette("h", (b"aa", b"b"), (10, 40), head_offset_ns=4, stream=True)
WHOLE = cassette("w", (b"aa", b"b"), (10, 40), head_offset_ns=10, stream=False)
EMPTY = cassette("e", (), (), head_offset_ns=7, stream=True)
RECORDED, NONE = Pace("recorded"), Pace("none")


def test_the_head_joins_a_chunk_of_the_same_offset() -> None:
    """One write, and the terminal chunk leaves with the last."""
    found = prepare(STREAM, 0, RECORDED, Framing.KEEP_ALIVE)
    assert (found.offsets_ns, found.head_alone, found.immediate) == ((10, 40), False, False)
    assert found.messages[0].endswith(b"transfer-encoding: chunked\r\n\r\n2\r\naa\r\n")
    assert found.messages[1] == b"1\r\nb\r\n0\r\n\r\n"


def test_an_earlier_head_leaves_alone_unless_there_is_no_pace() -> None:
    """Pace ``none`` joins what only time kept apart."""
    found = prepare(APART, 0, RECORDED, Framing.KEEP_ALIVE)
    assert (found.offsets_ns, found.head_alone, len(found.messages)) == ((4, 10, 40), True, 3)
    assert found.messages[0].endswith(b"\r\n\r\n")
    found = prepare(APART, 0, NONE, Framing.KEEP_ALIVE)
    assert (found.offsets_ns, found.head_alone, found.immediate) == ((0, 0), False, True)


@pytest.mark.parametrize(("pace", "offsets"), [(Pace("scaled", 2), (20, 80)), (Pace("capped", 2e-8), (5, 20))])
def test_offsets_are_scaled_beforehand(pace: Pace, offsets: tuple[int, ...]) -> None:
    """Nothing is multiplied while a request waits."""
    assert prepare(WHOLE, 0, pace, Framing.KEEP_ALIVE).offsets_ns == offsets


def test_a_whole_answer_without_pace_is_one_write() -> None:
    """With the length of all of it."""
    found = prepare(WHOLE, 3, NONE, Framing.KEEP_ALIVE)
    assert (len(found.messages), found.index, found.closes) == (1, 3, False)
    assert found.messages[0].endswith(b"content-length: 3\r\n\r\naab")


def test_http_1_0_and_close_say_that_the_connection_ends() -> None:
    """HTTP/1.0 gets a length instead of chunks."""
    old, closing = (prepare(STREAM, 0, NONE, framing) for framing in (Framing.HTTP_1_0, Framing.CLOSE))
    assert b"content-length: 3\r\nconnection: close\r\n\r\naab" in old.messages[0]
    assert b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n" in closing.messages[0]
    assert old.closes
    assert closing.closes


def test_an_answer_without_chunks_still_ends() -> None:
    """Head and terminal chunk in one write."""
    found = prepare(EMPTY, 0, RECORDED, Framing.KEEP_ALIVE)
    assert found.offsets_ns == (7,)
    assert found.messages[0].endswith(b"\r\n\r\n0\r\n\r\n")


def test_an_answer_to_head_has_no_body() -> None:
    """Its length is still that of the body."""
    assert plain(404, b"{}", Framing.KEEP_ALIVE, bodiless=True).messages[0].endswith(b"content-length: 2\r\n\r\n")
