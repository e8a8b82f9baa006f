"""The journal: what is appended is what a reader drains, and a damaged file is a DataError."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import DataError
from harness.replay.journal import GROWTH_BYTES, VERSION, JournalReader, JournalWriter

FIELDS = (7, 2, 3, 1, 4, 1, 200, 400, 5000, 10, 20, 30, 40, 1, 6, 50)


def test_entries_arrive_once_and_in_order(tmp_path: Path) -> None:
    """A reader opened beside the writer sees what was published since it last looked."""
    writer = JournalWriter(tmp_path / "j")
    with JournalReader(tmp_path / "j") as reader:
        assert reader.drain() == []
        writer.append(FIELDS, [30, 40], [1, 2])
        (entry,) = reader.drain()
        assert (entry.call_number, entry.attempt, entry.connection_id, entry.connection_reused) == (7, 2, 3, True)
        assert (entry.exchange_index, entry.matched, entry.status) == (4, True, 200)
        assert (entry.request_bytes, entry.response_bytes) == (400, 5000)
        assert (entry.received_ns, entry.read_ns, entry.first_byte_sent_ns, entry.last_byte_sent_ns) == (10, 20, 30, 40)
        assert (entry.completed, entry.chunk_sent_ns, entry.pacing_error_ns) == (True, (30, 40), (1, 2))
        assert entry.shape == 6
        assert entry.ended_ns == 50
        writer.append((8, *FIELDS[1:]), [], [])
        writer.append((9, *FIELDS[1:]), [1], [0])
        assert [entry.call_number for entry in reader.drain()] == [8, 9]
        assert reader.drain() == []
    writer.close()


def test_the_file_grows_under_its_reader(tmp_path: Path) -> None:
    """Past the first reservation nothing is lost, and a stream larger than one growth step fits."""
    writer = JournalWriter(tmp_path / "j")
    huge = list(range(GROWTH_BYTES // 8))
    with JournalReader(tmp_path / "j") as reader:
        for number in range(10_000):
            writer.append((number, *FIELDS[1:]), [number], [0])
        assert [entry.call_number for entry in reader.drain()] == list(range(10_000))
        writer.append(FIELDS, huge, huge)
        assert reader.drain()[0].chunk_sent_ns == tuple(huge)
    assert (tmp_path / "j").stat().st_size > 2 * GROWTH_BYTES
    writer.close()


def test_a_missing_or_foreign_file_is_a_data_error(tmp_path: Path) -> None:
    """Nothing, text, or an empty file."""
    with pytest.raises(DataError, match="cannot open"):
        JournalReader(tmp_path / "none")
    for content in (b"", b"hello", b"x" * 4096):
        (tmp_path / "j").write_bytes(content)
        with pytest.raises(DataError, match="expected a journal"):
            JournalReader(tmp_path / "j")


def test_a_journal_of_another_version_is_a_data_error(tmp_path: Path) -> None:
    """The first version had no word for the shape; reading it as this one would misread every record."""
    JournalWriter(tmp_path / "j").close()
    with (tmp_path / "j").open("r+b") as file:
        file.seek(16)
        file.write((1).to_bytes(8, "little"))
    with pytest.raises(DataError, match=f"expected journal version {VERSION}, got 1"):
        JournalReader(tmp_path / "j")


def test_a_truncated_journal_is_a_data_error(tmp_path: Path) -> None:
    """A reader at work survives the file being cut under it."""
    writer = JournalWriter(tmp_path / "j")
    with JournalReader(tmp_path / "j") as reader:
        writer.append(FIELDS, [1], [0])
        with (tmp_path / "j").open("r+b") as file:
            file.truncate(64)
        with pytest.raises(DataError, match="damaged"):
            reader.drain()


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(word=st.integers(0, 60), value=st.integers(-(2**63), 2**63 - 1))
def test_any_damaged_word_is_read_or_refused(tmp_path: Path, word: int, value: int) -> None:
    """Never a traceback other than DataError."""
    writer = JournalWriter(tmp_path / "j")
    writer.append(FIELDS, [1, 2], [0, 0])
    writer.append(FIELDS, [1], [0])
    writer.close()
    with (tmp_path / "j").open("r+b") as file:
        file.seek(8 * word)
        file.write(value.to_bytes(8, "little", signed=True))
    try:
        with JournalReader(tmp_path / "j") as reader:
            told = f"{tmp_path / 'j'}: {len(reader.drain())} entries"
    except DataError as problem:
        told = str(problem)
    assert told.startswith(f"{tmp_path / 'j'}: ")
