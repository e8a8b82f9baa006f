"""The store promises: what was written comes back, a block is there whole or not at all, a missing run is named."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.dataset.self_tests import SelfTestRecord
from harness.dataset.store import Store
from harness.errors import DataError
from harness.record import Attempt, Call, Cold
from tests.dataset.rows import RUN_ID, STARTED_AT, a_call, a_cold, a_manifest, an_attempt


def parts(store: Store, table: str) -> list[Path]:
    """The files of a table, sorted."""
    return sorted((store.root / "dataset" / table).rglob("*"))


def as_rows(frame: pd.DataFrame, kind: type[Call | Attempt | Cold]) -> list[object]:
    """Turn a frame back into records: NaN to None, arrays to tuples, numbers to the fields' types."""
    return [
        kind(**{f.name: _value(row[f.name], str(f.type)) for f in fields(kind)}) for row in frame.to_dict("records")
    ]


def _value(value: Any, kind: str) -> Any:
    if kind.startswith("tuple"):
        return tuple(int(each) for each in value)
    if pd.isna(value):
        return None
    if kind.startswith("int"):
        return int(value)
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def test_rows_come_back_as_they_were_written(store: Store) -> None:
    """Every field of every table, null or not, to the nanosecond."""
    calls = [
        a_call(),
        a_call(call_id="2", sequence=1, fault="stall", outcome="error", error_type="timeout", overhead_ns=None),
        a_call(call_id="3", sequence=2, request_stream=True, chunk_count=9, max_chunk_gap_ns=2**53 - 1, cost_usd=1e-9),
    ]
    attempts = [an_attempt(), an_attempt(call_id="2", chunk_sent_ns=(), pacing_error_ns=(-5, 2**62))]
    cold = [a_cold(), a_cold(repeat=1, rss_after_bytes=2**40)]
    store.write_manifest(a_manifest())
    store.write_block(RUN_ID, 0, calls, attempts, cold)
    assert as_rows(store.calls([RUN_ID]), Call) == calls
    assert as_rows(store.attempts([RUN_ID]), Attempt) == attempts
    assert as_rows(store.cold([RUN_ID]), Cold) == cold


def test_types_do_not_depend_on_whether_nulls_occur(store: Store, filled: Store) -> None:
    """A nullable integer is float64 in a full frame, in one of nulls and in an empty one."""
    full = filled.calls([RUN_ID])
    store.write_manifest(a_manifest(run_id="empty"))
    empty = store.calls(["empty"])
    assert len(empty) == 0
    assert list(empty.columns) == [field.name for field in fields(Call)]
    assert full["overhead_ns"].dtype == full["timeout_ns"].dtype == "float64"
    assert full["duration_ns"].dtype == "int64"
    assert (full.dtypes == empty.dtypes).all()


def test_writing_a_block_twice_leaves_it_once(filled: Store) -> None:
    """A repeated block replaces the earlier one, with other rows and all."""
    before = parts(filled, "calls")
    filled.write_block(RUN_ID, 1, [a_call(block=1, call_id="99")], [], [])
    assert parts(filled, "calls") == before
    assert sorted(filled.calls([RUN_ID])["call_id"]) == ["0", "1", "2", "99"]
    assert sorted(filled.attempts([RUN_ID])["call_id"]) == ["0", "1", "2"]


def test_blocks_done_are_those_with_calls(filled: Store) -> None:
    """The calls part is the commit: without it the block's other rows are invisible."""
    assert filled.blocks_done(RUN_ID) == {0, 1}
    (second,) = (path for path in parts(filled, "calls") if path.name.endswith("-b0001.parquet"))
    second.unlink()
    assert filled.blocks_done(RUN_ID) == {0}
    assert sorted(filled.attempts([RUN_ID])["call_id"]) == ["0", "1", "2"]
    assert list(filled.cold([RUN_ID])["repeat"]) == [0]


def test_a_run_lies_under_the_day_it_started(store: Store) -> None:
    """All blocks of a run that crosses midnight, or was resumed, share one partition."""
    store.write_manifest(a_manifest(started_at=datetime(2026, 11, 1, 23, 30, tzinfo=UTC)))
    Store(store.root).write_block(RUN_ID, 12, [a_call(started_at=datetime(2026, 11, 2, 1, tzinfo=UTC))], [], [])
    names = {
        path.relative_to(store.root / "dataset").as_posix() for path in (store.root / "dataset").rglob("*.parquet")
    }
    assert f"calls/run_date=2026-11-01/part-{RUN_ID}-b0012.parquet" in names
    assert {name.split("/")[1] for name in names} == {"run_date=2026-11-01"}


def test_only_the_named_runs_are_read(filled: Store) -> None:
    """Runs with a common prefix do not leak into each other."""
    for run_id in (f"{RUN_ID}-b0001", RUN_ID[:-1]):
        filled.write_manifest(a_manifest(run_id=run_id))
        filled.write_block(run_id, 0, [a_call(run_id=run_id)], [], [])
    assert len(filled.calls([RUN_ID])) == 6
    assert len(filled.calls([RUN_ID, f"{RUN_ID}-b0001"])) == 7
    assert filled.blocks_done(RUN_ID[:-1]) == {0}


def test_manifests_come_back_oldest_first(store: Store) -> None:
    """``latest`` is by start, not by name."""
    early = a_manifest(run_id="z", started_at=STARTED_AT - timedelta(days=1), doubts=("few_blocks",))
    late = a_manifest(run_id="a", finished_at=STARTED_AT, git_commit="abc", fingerprint='{"cores": 2}')
    for document in (late, early):
        store.write_manifest(document)
    assert store.manifests() == [early, late]
    assert store.latest() == late
    assert store.manifest("z") == early


def test_a_rewritten_manifest_replaces_the_earlier_one(store: Store) -> None:
    """In the JSON and in the ``runs`` table."""
    store.write_manifest(a_manifest())
    store.write_manifest(a_manifest(blocks_done=2, is_complete=True))
    assert store.latest().is_complete
    row = pd.read_parquet(store.root / "dataset" / "runs")
    assert list(row["blocks_done"]) == [2]
    document = json.loads((store.root / "runs" / f"{RUN_ID}.json").read_text())
    assert list(document) == list(asdict(a_manifest()))


def test_no_runs_says_what_to_do(store: Store) -> None:
    """An empty results folder is a state, not a traceback."""
    assert store.manifests() == []
    for read in (store.latest, lambda: store.calls([]), lambda: store.manifest("x")):
        with pytest.raises(DataError, match=r"no runs in .*; run 'make bench' first"):
            read()


def test_an_unknown_run_lists_the_known_ones(filled: Store) -> None:
    """A typo shows what there is; a path is no run."""
    for name in ("nope", "../runs/" + RUN_ID):
        with pytest.raises(DataError, match=f"expected one of {RUN_ID}, got"):
            filled.calls([name])


def test_rows_of_another_run_are_refused_before_anything_is_written(store: Store) -> None:
    """A mix-up in the caller never reaches the disk."""
    store.write_manifest(a_manifest())
    with pytest.raises(DataError, match="attempts: expected rows of run"):
        store.write_block(RUN_ID, 0, [a_call()], [an_attempt(run_id="other")], [])
    assert store.blocks_done(RUN_ID) == frozenset()


def test_a_run_id_that_is_no_file_name_is_refused(store: Store) -> None:
    """Run ids become names of files and nothing else."""
    with pytest.raises(DataError, match="run_id: expected letters"):
        store.write_manifest(a_manifest(run_id="../escape"))


@pytest.mark.parametrize(
    ("overrides", "column"),
    [({"sequence": 2**40}, "sequence"), ({"duration_ns": None}, "duration_ns"), ({"arm": 3}, "arm")],
)
def test_a_value_that_no_column_can_hold_names_the_column(
    store: Store, overrides: dict[str, object], column: str
) -> None:
    """An importer's mistake is one line, not an Arrow traceback."""
    store.write_manifest(a_manifest())
    with pytest.raises(DataError, match=f"calls: {column}: expected"):
        store.write_block(RUN_ID, 0, [a_call(**overrides)], [], [])


def test_self_tests_come_back(store: Store) -> None:
    """One file per test, replaced when it is measured again."""
    first = SelfTestRecord("A/A false positives", "4.1 %", "≤ 7 %", True, "2026-11-01T12:00:00+00:00", "60 real runs")
    second = SelfTestRecord("pacing", "21 µs", "≤ 50 µs", True, "2026-11-01T12:01:00+00:00", "p99")
    store.write_self_tests([first, second])
    store.write_self_tests([replace(second, passed=False)])
    assert store.self_tests() == [first, replace(second, passed=False)]
    assert (store.root / "self" / "a-a-false-positives.json").is_file()


def test_there_are_no_self_tests_before_the_first(store: Store) -> None:
    """The report then has none to show."""
    assert store.self_tests() == []


def _write_run(root: Path, run_id: str) -> None:
    store = Store(root)
    store.write_manifest(a_manifest(run_id=run_id))
    for block in range(5):
        calls = [a_call(run_id=run_id, block=block, call_id=str(block))]
        store.write_block(run_id, block, calls, [an_attempt(run_id=run_id)], [a_cold(run_id=run_id)])


@pytest.mark.real
def test_processes_that_write_different_runs_at_once_do_not_meet(store: Store) -> None:
    """Neither takes the other's temporary files for a dead writer's."""
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write_run, args=(store.root, f"run{k}")) for k in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(store.calls(["run0", "run1", "run2"])) == 15
    assert list((store.root / ".tmp").iterdir()) == []
