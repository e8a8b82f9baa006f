"""Whatever a cassette file holds, reading it gives a cassette or a DataError."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.cassette import SUFFIX, Cassette, Pace, dump_cassette, load_cassette
from harness.errors import DataError
from harness.replay.exchange import Framing, prepare
from tests.replay.wire import cassette

VALID = dump_cassette(cassette("c", (b"hello", b"\xff\x00"), (5, 9), head_offset_ns=1, stream=True)).encode()
_settings = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(content: bytes, folder: Path) -> Cassette | None:
    """The cassette, or None when it is refused."""
    path = folder / f"c{SUFFIX}"
    path.write_bytes(content)
    try:
        return load_cassette(path)
    except DataError as problem:
        told = str(problem)
    assert "\n" not in told
    assert str(path) in told
    return None


def test_a_cassette_survives_its_file(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 too."""
    found = read(VALID, tmp_path)
    assert found is not None
    assert (found.chunks, found.offsets_ns) == ((b"hello", b"\xff\x00"), (5, 9))


@_settings
@given(content=st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    """Nothing random is a cassette."""
    assert read(content, tmp_path) is None


@_settings
@given(start=st.integers(0, len(VALID)), length=st.integers(0, 30), replacement=st.binary(max_size=12))
def test_a_mutated_cassette_is_refused_or_can_be_served(
    tmp_path: Path, start: int, length: int, replacement: bytes
) -> None:
    """What is accepted can also be prepared."""
    found = read(VALID[:start] + replacement + VALID[start + length :], tmp_path)
    if found is not None:
        for framing in Framing:
            assert prepare(found, 0, Pace("recorded"), framing).messages


@_settings
@given(cut=st.integers(0, len(VALID) - 2))
def test_every_truncation_is_refused(tmp_path: Path, cut: int) -> None:
    """A half-written cassette is never half-served."""
    assert read(VALID[:cut], tmp_path) is None
