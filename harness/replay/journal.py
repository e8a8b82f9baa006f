"""Owns the journal: what the backend saw of every request, as int64 words in a mapped file that another process
reads while it grows.

Word 0 is the published length in words; it is stored after a record is complete, so a reader never sees half a
record (x86 keeps the order of stores; elsewhere the interpreter's work between them has always sufficed).
One writer, any number of readers. Written by ``connection`` and ``answer``; read by ``conductor``.

    header   published length · magic · version · 0
    record   its length · call · attempt · connection · reused · exchange · matched · status · request bytes ·
             response bytes · received · read · first byte sent · last byte sent · completed · shape · ended ·
             sent upstream · first and last byte from upstream · upstream reused · failure · four times told · n ·
             n × sent · n × error
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Self

from harness.errors import DataError

MAGIC = int.from_bytes(b"llmjrnl\x00", "little")
VERSION = 4
HEADER_WORDS = 4
FIXED_WORDS = 27
NOT_PASSED_ON = (0, 0, 0, 0, 0, -1, -1, -1, -1)
"""The words of the tap where there is none."""

GROWTH_BYTES = 1 << 20
"""Small on purpose: reserving a mebibyte stalls the writer for ~0.1 ms, a doubling file would for many."""

_WORD = 8
_HEADER = Struct("=4q")


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One HTTP request as the backend saw it; times are CLOCK_MONOTONIC ns, sizes bytes on the wire.

    ``exchange_index`` is the cassette's position in the backend's sorted list, -1 when nothing matched.
    ``pacing_error_ns`` is sent − deadline per body chunk; 0 where the pace is ``none``, which has no deadlines.
    ``shape`` is the number that ``shapes`` gave to requests asked exactly like this one, -1 when it gave none.
    ``ended_ns`` is when the answer was over: complete, or given up because the client's side of the connection closed.

    What the tap passed on has ``upstream_sent_ns`` (0 elsewhere): when the request left for the provider, and when the
    first and the last byte of the answer came from there. Its pieces were due as they arrived, so ``chunk_sent_ns −
    pacing_error_ns`` is when each came. ``failure`` is one of ``failure.Failure``; ``told_ns`` are what the provider
    says it took (``openai-processing-ms``, ``x-envoy-upstream-service-time``, ``Server-Timing``) and how long it wants
    to be left alone (``Retry-After``); -1 where it is silent.
    """

    call_number: int
    attempt: int
    connection_id: int
    connection_reused: bool
    exchange_index: int
    matched: bool
    status: int
    request_bytes: int
    response_bytes: int
    received_ns: int
    read_ns: int
    first_byte_sent_ns: int
    last_byte_sent_ns: int
    completed: bool
    chunk_sent_ns: tuple[int, ...]
    pacing_error_ns: tuple[int, ...]
    shape: int = -1
    ended_ns: int = 0
    upstream_sent_ns: int = 0
    upstream_first_byte_ns: int = 0
    upstream_last_byte_ns: int = 0
    upstream_reused: bool = False
    failure: int = 0
    told_ns: tuple[int, int, int, int] = (-1, -1, -1, -1)


class JournalWriter:
    """The single writer. ``append`` publishes one record; the file grows when full."""

    __slots__ = ("_capacity", "_end", "_file", "_map", "_path", "_structs", "_words", "records")

    def __init__(self, path: Path) -> None:
        """Create or empty the file. Raises DataError where that is not possible."""
        self._path = path
        self._structs: dict[int, Struct] = {}
        self.records = 0
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as problem:
            raise DataError(f"{path}: cannot create this journal: {problem.strerror}") from None
        self._capacity = 0
        self._end = HEADER_WORDS * _WORD
        self._reserve(GROWTH_BYTES)
        _HEADER.pack_into(self._map, 0, HEADER_WORDS, MAGIC, VERSION, 0)

    def append(
        self,
        fields: tuple[int, ...],
        sent_ns: Sequence[int],
        error_ns: Sequence[int],
        passed: tuple[int, ...] = NOT_PASSED_ON,
    ) -> None:
        """Publish one record: the 14 fields of ``JournalEntry`` up to ``completed``, ``shape`` and ``ended_ns``, the
        tap's from ``upstream_sent_ns`` on, then one stamp and one error per chunk. Raises DataError when the file
        system is full.
        """
        count = len(sent_ns)
        record = self._structs.get(count) or self._struct(count)
        end = self._end + record.size
        if end > self._capacity:
            self._grow(end)
        record.pack_into(self._map, self._end, FIXED_WORDS + 2 * count, *fields, *passed, count, *sent_ns, *error_ns)
        self._end = end
        self._words[0] = end >> 3
        self.records += 1

    def close(self) -> None:
        """Unmap and close; the file stays for its readers."""
        self._words.release()
        self._map.close()
        os.close(self._file)

    def _struct(self, count: int) -> Struct:
        self._structs[count] = Struct(f"={FIXED_WORDS + 2 * count}q")
        return self._structs[count]

    def _grow(self, needed: int) -> None:
        self._words.release()
        self._map.close()
        self._reserve(needed + GROWTH_BYTES & -mmap.PAGESIZE)

    def _reserve(self, capacity: int) -> None:
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._file, 0, capacity)
            else:
                os.ftruncate(self._file, capacity)
            self._map = mmap.mmap(self._file, capacity)
        except (OSError, ValueError) as problem:
            raise DataError(
                f"{self._path}: cannot grow this journal to {capacity} bytes: {problem}; free some space"
            ) from None
        self._words = memoryview(self._map).cast("q")
        self._capacity = capacity


class JournalReader:
    """Reads what was published since the last drain, from any process. It reads rather than maps the file, because a
    mapped file that someone truncates kills its reader.
    """

    def __init__(self, path: Path) -> None:
        """Open the file. Raises DataError when it is missing or not a journal."""
        self._path = path
        try:
            self._file = os.open(path, os.O_RDONLY)
        except OSError as problem:
            raise DataError(f"{path}: cannot open this journal: {problem.strerror}") from None
        self._words_read = HEADER_WORDS
        try:
            self._published()
        except DataError:
            os.close(self._file)
            raise

    def drain(self) -> list[JournalEntry]:
        """Entries published since the last drain, in order of completion. Raises DataError on a damaged file."""
        published = self._published()
        wanted = (published - self._words_read) * _WORD
        raw = _read_at(self._file, wanted, self._words_read * _WORD)
        if len(raw) != wanted:
            raise DataError(f"{self._path}: expected {published} published words, got fewer; the journal is truncated")
        entries = list(self._entries(memoryview(raw).cast("q")))
        self._words_read = published
        return entries

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _published(self) -> int:
        raw = _read_at(self._file, _HEADER.size, 0)
        if len(raw) < _HEADER.size or (header := _HEADER.unpack(raw))[1] != MAGIC:
            raise DataError(f"{self._path}: expected a journal of this harness, got another file; check the path")
        if header[2] != VERSION:
            raise DataError(f"{self._path}: expected journal version {VERSION}, got {header[2]}; use its own harness")
        if not self._words_read <= header[0] <= os.fstat(self._file).st_size // _WORD:
            raise DataError(
                f"{self._path}: expected a published length within the file, got {header[0]}; it is damaged"
            )
        return int(header[0])

    def _entries(self, words: memoryview[int]) -> Iterator[JournalEntry]:
        position = 0
        while position < len(words):
            rest = len(words) - position
            length = words[position] if rest >= FIXED_WORDS else 0
            if not FIXED_WORDS <= length <= rest or length != FIXED_WORDS + 2 * words[position + FIXED_WORDS - 1]:
                at = self._words_read + position
                raise DataError(f"{self._path}: word {at}: expected a record, got something else; it is damaged")
            yield _entry(words[position : position + length].tolist())
            position += length


def _entry(words: list[int]) -> JournalEntry:
    half = FIXED_WORDS + words[FIXED_WORDS - 1]
    _, call, attempt, connection, reused, exchange, matched, *rest = words[: FIXED_WORDS - 1]
    status, request_bytes, response_bytes, received, read, first, last, completed, shape, ended, *passed = rest
    left, came, went, reused_there, failure, *told = passed
    return JournalEntry(
        call_number=call,
        attempt=attempt,
        connection_id=connection,
        connection_reused=bool(reused),
        exchange_index=exchange,
        matched=bool(matched),
        status=status,
        request_bytes=request_bytes,
        response_bytes=response_bytes,
        received_ns=received,
        read_ns=read,
        first_byte_sent_ns=first,
        last_byte_sent_ns=last,
        completed=bool(completed),
        chunk_sent_ns=tuple(words[FIXED_WORDS:half]),
        pacing_error_ns=tuple(words[half:]),
        shape=shape,
        ended_ns=ended,
        upstream_sent_ns=left,
        upstream_first_byte_ns=came,
        upstream_last_byte_ns=went,
        upstream_reused=bool(reused_there),
        failure=failure,
        told_ns=(told[0], told[1], told[2], told[3]),
    )


def _read_at(file: int, count: int, offset: int) -> bytes:
    pieces = []
    while count > 0:
        piece = os.pread(file, min(count, 1 << 26), offset)
        if not piece:
            break
        pieces.append(piece)
        count -= len(piece)
        offset += len(piece)
    return b"".join(pieces)
