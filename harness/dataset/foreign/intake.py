"""Owns the way of a foreign file into the dataset: streamed, each row once, bad rows quarantined, a run of its own.

A run's id is made of the format, the mapping and the file's content: the same file again is the same run, and adds
nothing. Of rows that state an id of their own, those that an earlier import brought are left out as well.

    dataset/calls/…/part-<run_id>-b0000.parquet …
    quarantine/<run_id>.csv      row (or line), and what is wrong with it; never what stood there

Called by ``importers``.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from harness import __version__
from harness.dataset.foreign import parts, query
from harness.dataset.foreign.given import Reading, Shape
from harness.dataset.schema import SCHEMA_VERSION, SEMANTIC_CONVENTIONS_VERSION
from harness.dataset.store import Store
from harness.errors import DataError
from harness.record import Manifest
from harness.vocabulary import Backend

ROWS_PER_PART = 250_000
SURVIVORSHIP = "survivorship"
"""The manifest's doubt about production calls: whoever waited longer than today's timeout is not among them."""

_BATCH = 100_000
_MEMORY = "400MB"
_MOST_REASONS = 5

Ids = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file. ``reasons`` are the commonest of the quarantined rows, with their counts."""

    run_id: str
    file: str
    rows: int
    imported: int
    repeated: int
    quarantined: int
    quarantine: Path | None
    reasons: tuple[tuple[str, int], ...]
    was_there: bool


def take_in(store: Store, form: str, reading: Reading, progress: Callable[[int], None]) -> Imported:
    """Import one file; ``progress`` is told of rows read. Raises DataError for another kind of file."""
    run_id = f"import-{form}-{_digest(form, reading)}"
    earlier = {each.run_id: each for each in store.manifests()}
    if run_id in earlier and earlier[run_id].is_complete:
        return Imported(run_id, reading.path.name, 0, 0, 0, 0, None, (), was_there=True)
    store.discard_parts(run_id)
    manifest = earlier.get(run_id) or _manifest(run_id, form, reading)
    others = [each for each in earlier.values() if each.backend == Backend.PRODUCTION and each.run_id != run_id]
    seen = _Seen(store.imported_ids([each.run_id for each in others]) if reading.states("id") else None)
    quarantine = _Quarantine()
    intake = _Intake(store, run_id, manifest)
    with _database(reading) as connection:
        rows = 0
        for batch in _batches(connection, reading):
            rows += batch.num_rows
            good = quarantine.pick(batch)
            intake.add(seen.pick(good))
            progress(rows)
        quarantine.add_lines(connection, reading)
    if not rows and not quarantine.count:
        raise DataError(f"{reading.path}: expected rows of calls, got none; is the file complete?")
    if not intake.rows and not seen.repeated:
        raise DataError(
            f"{reading.path}: expected rows of calls, got {quarantine.count} that cannot be read as such "
            f"({quarantine.commonest[0][0]}); is it this format, or does a mapping fit (--map)?"
        )
    where = store.write_quarantine(run_id, quarantine.text()) if quarantine.count else None
    intake.finish()
    return Imported(
        run_id, reading.path.name, rows + quarantine.lines, intake.rows, seen.repeated, quarantine.count, where,
        quarantine.commonest, was_there=False,
    )  # fmt: skip


def columns(shape: Shape, path: Path) -> list[str]:
    """The columns of a file, or the keys of its first JSON objects. Raises DataError."""
    with _told_in_one_line(path), duckdb.connect(":memory:") as connection:
        if shape is not Shape.JSONL:
            return list(connection.sql(query.columns_of(shape, path)).columns)
        found = connection.sql(query.first_objects(path)).fetchall()
    return _keys([row[0] for row in found if row[0] is not None])


def _keys(objects: list[str]) -> list[str]:
    import json

    keys: dict[str, None] = {}
    for text in objects:
        value = json.loads(text)
        if isinstance(value, dict):
            keys |= dict.fromkeys(value)
    return list(keys)


class _Intake:
    """Rows that passed, written as parts of the run as soon as one is full, while the next are read."""

    def __init__(self, store: Store, run_id: str, manifest: Manifest) -> None:
        self._store, self._run_id, self._manifest = store, run_id, manifest
        self._waiting: list[pa.RecordBatch] = []
        self._parts = 0
        self._writer = ThreadPoolExecutor(1)
        self._written: Future[None] | None = None
        self.rows = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """These rows, too."""
        if not batch.num_rows:
            return
        if not self._parts and not self._waiting:
            self._store.write_manifest(self._manifest)
        self._waiting.append(batch.drop_columns(["row", "reason", "has_id"]))
        self.rows += batch.num_rows
        if sum(each.num_rows for each in self._waiting) >= ROWS_PER_PART:
            self._hand_over()

    def finish(self) -> None:
        """Write what waits, and say that the run is complete."""
        if self._waiting:
            self._hand_over()
        if self._written is not None:
            self._written.result()
        if not self._parts:
            return
        done = replace(
            self._manifest,
            finished_at=datetime.now(UTC),
            blocks_planned=self._parts,
            blocks_done=self._parts,
            is_complete=True,
        )
        self._store.write_manifest(done)

    def _hand_over(self) -> None:
        """Have the waiting rows written; of two parts only one is being written, and what failed is raised here."""
        if self._written is not None:
            self._written.result()
        self._written = self._writer.submit(self._write, self._waiting, self._parts)
        self._waiting = []
        self._parts += 1

    def _write(self, batches: list[pa.RecordBatch], part: int) -> None:
        rows = pa.Table.from_batches([parts.compact(batch) for batch in batches]).unify_dictionaries()
        self._store.write_imported(self._run_id, part, parts.Part(self._run_id, part).table(rows))


class _Seen:
    """Which calls are here already, by their ids: sorted arrays, each longer than all after it together, so that what a
    batch adds is merged few times. Empty where the file's rows have no ids.
    """

    def __init__(self, known: Ids | None) -> None:
        self._levels: list[Ids] | None = None if known is None else [known]
        self.repeated = 0

    def pick(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows that are new."""
        if self._levels is None or not batch.num_rows:
            return batch
        has_id = batch.column("has_id").to_numpy(zero_copy_only=False)
        ids, first = np.unique(batch.column("call_id").to_numpy(zero_copy_only=False), return_index=True)
        is_known = np.zeros(len(ids), dtype=bool)
        for level in self._levels:
            if len(level):
                is_known |= level[np.minimum(np.searchsorted(level, ids), len(level) - 1)] == ids
        is_new = ~has_id
        is_new[first[~is_known]] = True
        self._add(ids[~is_known])
        self.repeated += int((~is_new).sum())
        return batch.filter(pa.array(is_new))

    def _add(self, ids: Ids) -> None:
        assert self._levels is not None
        self._levels.append(ids)
        while len(self._levels) > 1 and len(self._levels[-2]) <= 2 * len(self._levels[-1]):
            last = self._levels.pop()
            self._levels[-1] = np.sort(np.concatenate((self._levels[-1], last)), kind="stable")


class _Quarantine:
    """Rows that did not pass, and why."""

    def __init__(self) -> None:
        self._text = io.StringIO()
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(("where", "number", "reason"))
        self._counts: dict[str, int] = {}
        self.count = self.lines = 0

    def pick(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows that passed; the others are kept here."""
        is_bad = pc.is_valid(batch.column("reason"))
        if bad := pc.sum(is_bad).as_py():
            rejected = batch.filter(is_bad)
            for row, reason in zip(
                rejected.column("row").to_pylist(), rejected.column("reason").to_pylist(), strict=True
            ):
                self._add("row", row, reason)
            assert bad == rejected.num_rows
        return batch.filter(pc.invert(is_bad))

    def add_lines(self, connection: duckdb.DuckDBPyConnection, reading: Reading) -> None:
        """Lines of a CSV file that are no rows at all."""
        if reading.shape is not Shape.CSV:
            return
        found = connection.sql("select line, any_value(error_type) from reject_errors group by line order by line")
        for line, kind in found.fetchall():
            self.lines += 1
            self._add("line", line, f"no row of this table: {str(kind).lower()}")

    @property
    def commonest(self) -> tuple[tuple[str, int], ...]:
        """The most frequent reasons."""
        return tuple(sorted(self._counts.items(), key=lambda each: -each[1])[:_MOST_REASONS])

    def text(self) -> bytes:
        """The quarantine as CSV."""
        return self._text.getvalue().encode()

    def _add(self, where: str, number: int, reason: str) -> None:
        self._writer.writerow((where, number, reason))
        self._counts[reason] = self._counts.get(reason, 0) + 1
        self.count += 1


def _digest(form: str, reading: Reading) -> str:
    found = hashlib.blake2b(digest_size=6)
    found.update(f"{form}\0{reading.told}\0".encode())
    try:
        with reading.path.open("rb") as file:
            while piece := file.read(1 << 22):
                found.update(piece)
    except FileNotFoundError:
        raise DataError(f"{reading.path}: no such file; check the name") from None
    except OSError as problem:
        raise DataError(f"{reading.path}: cannot be read: {problem.strerror}; make it readable") from None
    return found.hexdigest()


def _manifest(run_id: str, form: str, reading: Reading) -> Manifest:
    return Manifest(
        run_id=run_id,
        schema_version=SCHEMA_VERSION,
        semantic_conventions_version=SEMANTIC_CONVENTIONS_VERSION,
        started_at=datetime.now(UTC),
        finished_at=None,
        plan_name=f"import {form}",
        plan_text=reading.told,
        plan_sha256=hashlib.sha256(reading.told.encode()).hexdigest(),
        seed=0,
        backend=str(Backend.PRODUCTION),
        blocks_planned=0,
        blocks_done=0,
        is_complete=False,
        git_commit=None,
        harness_version=__version__,
        fingerprint="{}",
        cassettes="[]",
        pressure="[]",
        doubts=(SURVIVORSHIP,),
    )


@contextmanager
def _database(reading: Reading) -> Iterator[duckdb.DuckDBPyConnection]:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY,
        "TimeZone": "UTC",
        "autoinstall_known_extensions": False,
    }
    with _told_in_one_line(reading.path), duckdb.connect(":memory:", config=settings) as connection:
        yield connection


def _batches(connection: duckdb.DuckDBPyConnection, reading: Reading) -> Iterator[pa.RecordBatch]:
    if reading.rows is not None:
        schema = pa.schema([(each.field.name, pa.string()) for each in reading.given] + [("_problem", pa.string())])
        connection.register(query.ROWS_VIEW, pa.RecordBatchReader.from_batches(schema, _of_rows(reading, schema)))
    reader = connection.sql(query.select(reading, reading.path)).to_arrow_reader(_BATCH)
    assert reader is not None
    rows = 0
    for batch in reader:
        yield _numbered(batch, rows)
        rows += batch.num_rows


def _numbered(batch: pa.RecordBatch, before: int) -> pa.RecordBatch:
    """The rows with their numbers in the file, from 1, which are also the ids of those that state none."""
    numbers = pa.array(np.arange(before + 1, before + batch.num_rows + 1, dtype=np.uint64))
    ids = pc.coalesce(batch.column("call_id"), numbers)
    place = batch.schema.get_field_index("call_id")
    return batch.set_column(place, "call_id", ids).append_column("row", numbers)


def _of_rows(reading: Reading, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    assert reading.rows is not None
    waiting: list[dict[str, str | None]] = []
    for row in reading.rows.read(reading.path):
        found = {"_problem": row} if isinstance(row, str) else {name: _worded(value) for name, value in row.items()}
        waiting.append({name: found.get(name) for name in schema.names})
        if len(waiting) == _BATCH:
            yield pa.RecordBatch.from_pylist(waiting, schema)
            waiting = []
    yield pa.RecordBatch.from_pylist(waiting, schema)


def _worded(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def _told_in_one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as problem:
        first_line = str(problem).splitlines()[0]
        raise DataError(f"{path}: cannot be read as a table of calls: {first_line}") from None
