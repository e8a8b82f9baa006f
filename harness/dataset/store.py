"""Owns ``results/``: where each file of the dataset lies, what is committed, and who may see it.

    dataset/<table>/run_date=YYYY-MM-DD/part-<run_id>[-b<block>].parquet
    runs/<run_id>.json      the manifest; without one a run does not exist
    quarantine/<run_id>.csv rows of an import that could not be read as calls, and why
    self/<name>.json        the instrument's tests of itself
    .tmp/                   files in the making

A block is committed by its ``calls`` part, which is written last: readers take no attempts or cold rows of a block
without one. Writers of different runs never touch the same file. Must not interpret a value. Called by ``conductor``,
``calibration`` and ``importers`` (writing) and ``analysis`` (reading).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from harness import atomic
from harness.dataset import documents, manifest, parquet, query, self_tests
from harness.dataset.schema import (
    ATTEMPTS,
    CALLS,
    COLD,
    FAULTS,
    FIRST_CALLS,
    OUTAGES,
    REQUESTS,
    RUNS,
    TABLES,
    Row,
    Table,
)
from harness.dataset.self_tests import SelfTestRecord
from harness.door import read_text
from harness.errors import DataError
from harness.record import Attempt, Call, Cold, FaultCase, FirstCall, Manifest, OutageCall, Request

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_BLOCK_PART = re.compile(r"part-(?P<run_id>[A-Za-z0-9][A-Za-z0-9._-]*)-b(?P<block>\d{4,})\.parquet")
_RUN_PART = re.compile(r"part-(?P<run_id>[A-Za-z0-9][A-Za-z0-9._-]*)\.parquet")
_PART_OF_BLOCKS = (_BLOCK_PART, "part-<run_id>-b0000.parquet")
_PART_OF_RUNS = (_RUN_PART, "part-<run_id>.parquet")


class Store:
    """The dataset under one results folder. Creating it touches nothing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._scratch = root / ".tmp"
        self._cleaned = False
        self._dates: dict[str, str] = {}

    # writing

    def write_block(
        self,
        run_id: str,
        block: int,
        calls: Sequence[Call],
        attempts: Sequence[Attempt],
        cold: Sequence[Cold],
        first_calls: Sequence[FirstCall] = (),
        requests: Sequence[Request] = (),
        faults: Sequence[FaultCase] = (),
        outages: Sequence[OutageCall] = (),
    ) -> None:
        """Commit one block of a run whose manifest is written; a repeated block replaces the earlier one.

        Raises DataError when the system refuses to write, when a row belongs to another run or has a value that no
        column can hold, or without a manifest. Rows are refused before anything is written.
        """
        name = f"part-{run_id}-b{block:04d}.parquet"
        parts: tuple[tuple[Table, Sequence[Row]], ...] = (
            (ATTEMPTS, attempts),
            (COLD, cold),
            (FIRST_CALLS, first_calls),
            (REQUESTS, requests),
            (FAULTS, faults),
            (OUTAGES, outages),
            (CALLS, calls),
        )
        encoded = [(table, self._encoded(table, run_id, name, rows)) for table, rows in parts]
        for table, data in encoded:
            self._write_part(table, run_id, name, data)

    def write_imported(self, run_id: str, block: int, rows: pa.Table) -> None:
        """Commit one part of an import, a table of ``calls``. Raises DataError as ``write_block`` does."""
        self._write_part(CALLS, run_id, f"part-{run_id}-b{block:04d}.parquet", parquet.encode_table(CALLS, rows))

    def discard_parts(self, run_id: str) -> None:
        """Remove what an import that was killed left, so that none of it stands beside what it writes anew."""
        for path in self._parts(CALLS):
            match = _BLOCK_PART.fullmatch(path.name)
            if match and match["run_id"] == run_id:
                path.unlink(missing_ok=True)

    def write_quarantine(self, run_id: str, text: bytes) -> Path:
        """Write what an import could not read, and return where."""
        target = self.root / "quarantine" / f"{run_id}.csv"
        self._write(target, text)
        return target

    def write_manifest(self, document: Manifest) -> None:
        """Write a run's manifest, as a row of ``runs`` and as JSON; an earlier one of the same run is replaced."""
        if not _RUN_ID.fullmatch(document.run_id):
            raise DataError(f"run_id: expected letters, digits, '.', '_' and '-', got {document.run_id!r}")
        self._dates[document.run_id] = _date(document)
        name = f"part-{document.run_id}.parquet"
        self._write_part(RUNS, document.run_id, name, self._encoded(RUNS, document.run_id, name, [document]))
        self._write(self.root / "runs" / f"{document.run_id}.json", documents.to_text(document).encode())

    def write_self_tests(self, records: Iterable[SelfTestRecord]) -> None:
        """Write each record as ``self/<name>.json``; an earlier one of the same name is replaced."""
        for record in records:
            self._write(self.root / "self" / self_tests.file_name(record), documents.to_text(record).encode())

    # reading

    def manifest(self, run_id: str) -> Manifest:
        """Return one run's manifest. Raises DataError listing the known runs when there is none of this name."""
        return self._read_manifest(self._require([run_id])[0])

    def manifests(self) -> list[Manifest]:
        """Return all manifests, oldest start first; empty for a results folder without runs."""
        found = [self._read_manifest(run_id) for run_id in self._run_ids()]
        return sorted(found, key=lambda each: (each.started_at, each.run_id))

    def latest(self) -> Manifest:
        """Return the manifest of the run that started last. Raises DataError when there is none."""
        self._known_runs()
        return self.manifests()[-1]

    def blocks_done(self, run_id: str) -> frozenset[int]:
        """Return the committed blocks of a run, empty for a run that has none."""
        return frozenset(block for each, block in self._committed() if each == run_id)

    def calls(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Return the calls of these runs (columns and types: ``query.frame``).

        Raises DataError for an unknown run and for any damaged, foreign or newer file in the dataset.
        """
        return self._frame(CALLS, run_ids)

    def waits(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Return what the calls of these runs say about a provider's latency (``query.waits``). Raises as ``calls``."""
        known = self._require(run_ids)
        self._check_files()
        return query.waits(self._committed_parts(CALLS, known), known)

    def imported_ids(self, run_ids: Sequence[str]) -> npt.NDArray[np.uint64]:
        """Return the ids of these imports' calls, sorted. Raises as ``calls`` does."""
        return query.call_ids(self._committed_parts(CALLS, run_ids), run_ids)

    def attempts(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Return the HTTP requests of these runs' committed blocks. Raises as ``calls`` does."""
        return self._frame(ATTEMPTS, run_ids)

    def cold(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Return the fresh-process facts of these runs' committed blocks. Raises as ``calls`` does."""
        return self._frame(COLD, run_ids)

    def first_calls(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Return the first calls of these runs' committed blocks. Raises as ``calls`` does."""
        return self._frame(FIRST_CALLS, run_ids)

    def requests(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Return the distinct requests of these runs' committed blocks. Raises as ``calls`` does."""
        return self._frame(REQUESTS, run_ids)

    def faults(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Return the fault cases of these runs' committed blocks. Raises as ``calls`` does."""
        return self._frame(FAULTS, run_ids)

    def outages(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Return the calls of these runs' committed blocks that arrived around an outage. Raises as ``calls`` does."""
        return self._frame(OUTAGES, run_ids)

    def traffic(self, run_ids: Sequence[str]) -> pd.DataFrame:
        """Return bytes and connections per run, cell and arm of these runs' committed blocks (``query.traffic``).

        Raises as ``calls`` does.
        """
        known = self._require(run_ids)
        self._check_files()
        calls, attempts = (self._committed_parts(table, known) for table in (CALLS, ATTEMPTS))
        return query.traffic(calls, attempts, known)

    def self_tests(self) -> list[SelfTestRecord]:
        """Return the kept self-tests, by file name. Raises DataError naming a damaged one."""
        paths = _listed(self.root / "self", "*.json")
        return [self_tests.from_text(read_text(path, "self-test", DataError), path) for path in paths]

    def _frame(self, table: Table, run_ids: Sequence[str]) -> pd.DataFrame:
        known = self._require(run_ids)
        self._check_files()
        files = self._committed_parts(table, known)
        found = query.frame(table, files, known)
        expected = sum(parquet.check(path, table) for path in files)
        if len(found) != expected:
            raise DataError(
                f"{self._folder(table)}: expected {expected} rows of {', '.join(known)} in the parts named after them, "
                f"got {len(found)}; a part holds another run's rows: move it out of the dataset"
            )
        return found

    def _committed_parts(self, table: Table, known: Sequence[str]) -> list[Path]:
        """The table's parts of these runs' committed blocks, read through for damage."""
        committed = self._committed()
        files = [path for path in self._parts(table) if (key := _block_of(path)) in committed and key[0] in known]
        for path in files:
            parquet.check_content(path, table)
        return files

    def _check_files(self) -> None:
        """Check the name and the footer of every file of every table: users' one-line readers open them all."""
        for table in TABLES:
            seen: dict[str, Path] = {}
            for path in self._parts(table):
                _check_name(path, table, seen)
                parquet.check(path, table)

    def _parts(self, table: Table) -> list[Path]:
        return _listed(self._folder(table), "**/*.parquet")

    def _committed(self) -> set[tuple[str, int]]:
        return {_block_of(path) for path in self._parts(CALLS) if _BLOCK_PART.fullmatch(path.name)}

    def _known_runs(self) -> list[str]:
        known = self._run_ids()
        if not known:
            raise DataError(f"no runs in {self.root}; run 'make bench' first")
        return known

    def _require(self, run_ids: Sequence[str]) -> list[str]:
        known = self._known_runs()
        for run_id in run_ids:
            if run_id not in known:
                raise DataError(
                    f"run: expected one of {', '.join(known[-5:])}, got {run_id!r}; see 'harness list runs'"
                )
        return list(run_ids)

    def _run_ids(self) -> list[str]:
        return [path.stem for path in _listed(self.root / "runs", "*.json")]

    def _read_manifest(self, run_id: str) -> Manifest:
        path = self.root / "runs" / f"{run_id}.json"
        return manifest.from_text(read_text(path, "manifest", DataError), path)

    def _folder(self, table: Table) -> Path:
        return self.root / "dataset" / table.name

    def _encoded(self, table: Table, run_id: str, name: str, rows: Sequence[Row]) -> bytes:
        strangers = [row.run_id for row in rows if row.run_id != run_id]
        if strangers:
            raise DataError(f"{name}: {table.name}: expected rows of run {run_id!r}, got one of {strangers[0]!r}")
        return parquet.encode(table, rows)

    def _write_part(self, table: Table, run_id: str, name: str, data: bytes) -> None:
        self._write(self._folder(table) / f"run_date={self._date_of(run_id)}" / name, data)

    def _date_of(self, run_id: str) -> str:
        if run_id not in self._dates:
            self._dates[run_id] = _date(self.manifest(run_id))
        return self._dates[run_id]

    def _write(self, target: Path, data: bytes) -> None:
        if not self._cleaned:
            atomic.remove_stale(self._scratch)
            self._cleaned = True
        atomic.write_file(target, data, self._scratch)


def _listed(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern)) if folder.is_dir() else []
    except OSError as problem:
        raise DataError(f"{folder}: cannot read: {atomic.reason(problem)}; make the folder readable") from None


def _date(document: Manifest) -> str:
    return document.started_at.astimezone(UTC).date().isoformat()


def _block_of(path: Path) -> tuple[str, int]:
    match = _BLOCK_PART.fullmatch(path.name)
    assert match, "files are checked for their names before"
    return match["run_id"], int(match["block"])


def _check_name(path: Path, table: Table, seen: dict[str, Path]) -> None:
    pattern, form = _PART_OF_RUNS if table is RUNS else _PART_OF_BLOCKS
    if not pattern.fullmatch(path.name):
        raise DataError(
            f"{path}: expected a part written by this harness ({form}), got another name; move it out of the dataset"
        )
    if path.name in seen:
        raise DataError(f"{path}: expected each part once, got it also as {seen[path.name]}; remove one of the two")
    seen[path.name] = path
