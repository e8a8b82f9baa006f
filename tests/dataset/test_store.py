"""The store: rows come back as they went in, a block is there whole or not at all, and a mistake is one line."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.dataset import parquet
from harness.dataset.schema import ATTEMPTS, CALLS, COLD, RUNS, Row, Table
from harness.dataset.self_tests import SelfTestRecord
from harness.dataset.store import Store
from harness.errors import DataError
from harness.record import Attempt, Call, Cold, Manifest
from tests.dataset.rows import (
    RUN_ID,
    a_call,
    a_cold,
    a_fault,
    a_first_call,
    a_manifest,
    a_request,
    an_attempt,
    an_outage_call,
)

INT64_MAX = (1 << 63) - 1
OTHER_RUN = "20261102T080000-quick-000002"


def values(row: Row) -> dict[str, Any]:
    """A record as plain Python values, sequences as lists."""
    found = {field.name: getattr(row, field.name) for field in fields(row)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def parts(store: Store, table: Table) -> list[Path]:
    """All files of one table."""
    return sorted((store.root / "dataset" / table.name).rglob("*.parquet"))


def snapshot(store: Store) -> dict[str, bytes]:
    """Every file under the results folder, with its bytes."""
    return {str(path.relative_to(store.root)): path.read_bytes() for path in store.root.rglob("*") if path.is_file()}


# round trips


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (CALLS, a_call()),
        (CALLS, a_call(scheduled_offset_ns=0, chunk_count=3, cost_usd=0.000123, fault="stall", is_censored=True)),
        (CALLS, a_call(response_model="modèle “é” 模型 \x00", duration_ns=INT64_MAX, started_offset_ns=-1)),
        (CALLS, a_call(connection_reused=None, outcome="error", error_type="timeout", overhead_ns=None)),
        (ATTEMPTS, an_attempt()),
        (ATTEMPTS, an_attempt(chunk_sent_ns=(), pacing_error_ns=(), fault="reset")),
        (ATTEMPTS, an_attempt(chunk_sent_ns=(1, INT64_MAX), pacing_error_ns=(-5, 5))),
        (COLD, a_cold()),
        (RUNS, a_manifest()),
        (RUNS, a_manifest(doubts=("thermal", "few blocks"), git_commit="a" * 40, is_complete=True)),
    ],
)
def test_a_file_read_by_plain_pyarrow_gives_the_row_that_was_written(tmp_path: Path, table: Table, row: Row) -> None:
    """Field by field, null by null: an independent reader finds what the record held."""
    path = tmp_path / "part.parquet"
    path.write_bytes(parquet.encode(table, [row]))
    assert pq.read_table(path).to_pylist() == [values(row)]
    assert parquet.check(path, table) == 1


MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
INTEGERS = st.integers(-INT64_MAX, INT64_MAX)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(
    rows=st.lists(
        st.builds(
            a_call,
            started_at=MOMENTS,
            duration_ns=INTEGERS,
            overhead_ns=st.none() | INTEGERS,
            cost_usd=st.none() | st.floats(allow_nan=False),
            response_model=st.none() | WORDS,
            arm=WORDS,
            connection_reused=st.none() | st.booleans(),
        ),
        max_size=8,
    )
)
def test_any_rows_of_calls_survive_the_file(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever values the types admit, none is rounded, cut or confused with another."""
    path = tmp_path_factory.mktemp("any") / "part.parquet"
    path.write_bytes(parquet.encode(CALLS, rows))
    assert pq.read_table(path).to_pylist() == [values(row) for row in rows]


def test_the_store_gives_back_the_rows_of_a_run(filled: Store) -> None:
    """Two blocks of three calls, their attempts and one fresh process each, in the order of the blocks."""
    calls = filled.calls([RUN_ID])
    assert list(calls["call_id"]) == ["0", "1", "2", "3", "4", "5"]
    assert list(calls["block"]) == [0, 0, 0, 1, 1, 1]
    attempts = filled.attempts([RUN_ID])
    assert list(attempts["call_id"]) == ["0", "1", "2", "3", "4", "5"]
    assert [list(each) for each in attempts["chunk_sent_ns"]] == [[9_000_000_500_000]] * 6
    assert list(filled.cold([RUN_ID])["repeat"]) == [0, 1]


@pytest.mark.parametrize("table", [CALLS, ATTEMPTS, COLD], ids=lambda table: table.name)
def test_frames_have_the_schemas_columns_in_order(filled: Store, table: Table) -> None:
    """Neither the partition's date nor the file's name slips in as a column."""
    assert list(getattr(filled, table.name)([RUN_ID]).columns) == [column.name for column in table.columns]


def test_a_nullable_integer_is_a_float_whether_or_not_nulls_occur(store: Store) -> None:
    """The type of a column must not depend on its values, else code works until the first failed call."""
    store.write_manifest(a_manifest())
    store.write_block(RUN_ID, 0, [a_call(overhead_ns=900_000, time_to_first_chunk_ns=None)], [], [])
    calls = store.calls([RUN_ID])
    assert calls["overhead_ns"].dtype == calls["time_to_first_chunk_ns"].dtype == "float64"
    assert calls["block"].dtype == "int32"
    assert calls["overhead_ns"][0] == 900_000
    assert math.isnan(calls["time_to_first_chunk_ns"][0])
    assert calls["started_at"][0] == pd.Timestamp("2026-11-01T12:00:00.123456Z")


def test_a_run_without_blocks_has_empty_frames_of_the_same_types(store: Store, filled: Store) -> None:
    """Analysis of an aborted run sees no rows, not missing columns."""
    types = filled.calls([RUN_ID]).dtypes
    store.write_manifest(a_manifest(run_id=OTHER_RUN))
    empty = store.calls([OTHER_RUN])
    assert len(empty) == 0
    assert empty.dtypes["overhead_ns"] == types["overhead_ns"] == "float64"
    assert list(empty.dtypes.items()) == list(types.items())


def as_rows(frame: pd.DataFrame, kind: type[Call | Attempt | Cold]) -> list[object]:
    """Turn a frame back into records: NaN to None, arrays to tuples, numbers to the fields' types."""
    return [
        kind(**{each.name: as_value(row[each.name], str(each.type)) for each in fields(kind)})
        for row in frame.to_dict("records")
    ]


def as_value(value: Any, kind: str) -> Any:
    """One cell of a frame as the value of a field of this type."""
    if kind.startswith("tuple"):
        return tuple(int(each) for each in value)
    if pd.isna(value):
        return None
    if kind.startswith("int"):
        return int(value)
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def test_rows_come_back_through_the_store_as_they_were_written(store: Store) -> None:
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


def test_runs_with_a_common_prefix_do_not_leak_into_each_other(filled: Store) -> None:
    """Not even a run named like another run's block."""
    for run_id in (f"{RUN_ID}-b0001", RUN_ID[:-1]):
        filled.write_manifest(a_manifest(run_id=run_id))
        filled.write_block(run_id, 0, [a_call(run_id=run_id)], [], [])
    assert len(filled.calls([RUN_ID])) == 6
    assert len(filled.calls([RUN_ID, f"{RUN_ID}-b0001"])) == 7
    assert filled.blocks_done(RUN_ID[:-1]) == {0}


def test_runs_are_read_apart_and_together(filled: Store) -> None:
    """Asking for one run gives its rows alone; asking for two gives both."""
    filled.write_manifest(a_manifest(run_id=OTHER_RUN))
    filled.write_block(OTHER_RUN, 0, [a_call(run_id=OTHER_RUN)], [], [])
    assert len(filled.calls([RUN_ID])) == 6
    assert set(filled.calls([OTHER_RUN])["run_id"]) == {OTHER_RUN}
    assert len(filled.calls([RUN_ID, OTHER_RUN])) == 7


# blocks


def test_writing_a_block_twice_leaves_the_same_files_with_the_same_bytes(filled: Store) -> None:
    """A resumed run may repeat its last block: nothing doubles, nothing changes."""
    before = snapshot(filled)
    calls = [a_call(call_id=str(k), block=0, sequence=k) for k in range(3)]
    attempts = [an_attempt(call_id=str(k)) for k in range(3)]
    beside = [a_first_call(repeat=0)], [a_request(block=0)], [a_fault(block=0)], [an_outage_call(block=0)]
    filled.write_block(RUN_ID, 0, calls, attempts, [a_cold(repeat=0)], *beside)
    assert snapshot(filled) == before
    assert len(filled.calls([RUN_ID])) == 6


def test_a_repeated_block_replaces_the_earlier_one(filled: Store) -> None:
    """The later measurement counts, and only it."""
    filled.write_block(RUN_ID, 0, [a_call(call_id="9", duration_ns=7)], [], [])
    calls = filled.calls([RUN_ID])
    assert list(calls["call_id"]) == ["9", "3", "4", "5"]
    assert list(filled.attempts([RUN_ID])["call_id"]) == ["3", "4", "5"]
    assert filled.blocks_done(RUN_ID) == {0, 1}


def test_blocks_done_are_those_whose_calls_are_there(filled: Store) -> None:
    """Attempts alone do not commit a block, and readers do not see them."""
    assert filled.blocks_done(RUN_ID) == {0, 1}
    assert filled.blocks_done(OTHER_RUN) == frozenset()
    parts(filled, CALLS)[1].unlink()
    assert filled.blocks_done(RUN_ID) == {0}
    assert list(filled.attempts([RUN_ID])["call_id"]) == ["0", "1", "2"]
    assert list(filled.cold([RUN_ID])["repeat"]) == [0]


def test_an_empty_block_is_committed_too(store: Store) -> None:
    """A block in which nothing was called is done, and is not measured again."""
    store.write_manifest(a_manifest())
    store.write_block(RUN_ID, 12_345, [], [], [])
    assert store.blocks_done(RUN_ID) == {12_345}
    assert len(store.calls([RUN_ID])) == 0


def test_the_partition_is_the_utc_date_of_the_runs_start(store: Store) -> None:
    """A run started at half past midnight in Auckland belongs to the day before in UTC."""
    auckland = timezone(timedelta(hours=13))
    store.write_manifest(a_manifest(started_at=datetime(2026, 11, 2, 0, 30, tzinfo=auckland)))
    Store(store.root).write_block(RUN_ID, 0, [a_call()], [], [])
    for table, name in ((CALLS, f"part-{RUN_ID}-b0000.parquet"), (RUNS, f"part-{RUN_ID}.parquet")):
        folder = store.root / "dataset" / table.name
        assert [str(path.relative_to(folder)) for path in parts(store, table)] == [f"run_date=2026-11-01/{name}"]


def test_creating_a_store_and_asking_it_touches_nothing(store: Store) -> None:
    """Looking must not create folders."""
    assert store.manifests() == []
    assert store.blocks_done(RUN_ID) == frozenset()
    assert store.self_tests() == []
    assert not store.root.exists()


# refusals to write


def test_rows_of_another_run_are_refused(filled: Store) -> None:
    """A part holds one run: its name promises so."""
    with pytest.raises(DataError, match=rf"calls: expected rows of run '{RUN_ID}', got one of '{OTHER_RUN}'"):
        filled.write_block(RUN_ID, 0, [a_call(), a_call(run_id=OTHER_RUN)], [], [])
    with pytest.raises(DataError, match=rf"attempts: expected rows of run '{RUN_ID}', got one of '{OTHER_RUN}'"):
        filled.write_block(RUN_ID, 0, [a_call()], [an_attempt(run_id=OTHER_RUN)], [])


@pytest.mark.parametrize("wrong", [a_call(run_id=OTHER_RUN), a_call(duration_ns=1 << 63)])
def test_refused_rows_leave_every_byte_of_the_earlier_block(filled: Store, wrong: Call) -> None:
    """A repeated block that is refused must not have replaced the attempts beside the old calls."""
    before = snapshot(filled)
    with pytest.raises(DataError):
        filled.write_block(RUN_ID, 0, [wrong], [an_attempt(call_id="9")], [])
    assert snapshot(filled) == before


def test_a_block_of_a_run_without_manifest_is_refused(store: Store) -> None:
    """Without a manifest a run does not exist."""
    with pytest.raises(DataError, match=r"no runs in "):
        store.write_block(RUN_ID, 0, [a_call()], [], [])


@pytest.mark.parametrize("run_id", ["", "../up", "a/b", "a b", ".hidden", "-dash", "a\n", "é"])
def test_a_run_id_that_is_no_plain_file_name_is_refused(store: Store, run_id: str) -> None:
    """Nothing is written outside the results folder, whatever the run is called."""
    with pytest.raises(DataError, match="run_id: expected letters, digits"):
        store.write_manifest(a_manifest(run_id=run_id))
    assert not store.root.exists()


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ({"duration_ns": 1 << 63}, "duration_ns"),
        ({"sequence": None}, "sequence"),
        ({"block": 1 << 31}, "block"),
        ({"arm": 5}, "arm"),
        ({"started_at": "yesterday"}, "started_at"),
    ],
)
def test_a_value_that_no_column_can_hold_is_refused_by_its_name(
    store: Store, override: dict[str, Any], key: str
) -> None:
    """Too large, null where a value is due, or of another type: a DataError naming the column, no wrapped number."""
    store.write_manifest(a_manifest())
    with pytest.raises(DataError, match=rf"calls: {key}: expected ") as caught:
        store.write_block(RUN_ID, 0, [a_call(**override)], [], [])
    assert "\n" not in str(caught.value)
    assert store.blocks_done(RUN_ID) == frozenset()


# manifests


def test_a_manifest_comes_back_as_it_was_written(store: Store) -> None:
    """Every field, times with their zone, doubts as a tuple."""
    written = a_manifest(
        finished_at=datetime(2026, 11, 1, 12, 5, tzinfo=UTC),
        plan_text='name = "quick"\n# “naïve”\n',
        git_commit="0f" * 20,
        fingerprint='{"cores": 2}',
        doubts=("steal", "few blocks"),
    )
    store.write_manifest(written)
    assert Store(store.root).manifest(RUN_ID) == written


def test_a_manifest_is_also_a_row_of_runs(filled: Store) -> None:
    """The row and the JSON document say the same."""
    (row,) = pq.read_table(parts(filled, RUNS)[0]).to_pylist()
    assert row == values(filled.manifest(RUN_ID))


def test_a_later_manifest_of_the_same_run_replaces_the_earlier(filled: Store) -> None:
    """The manifest grows with the run; there is always one."""
    finished = replace(filled.manifest(RUN_ID), finished_at=datetime(2026, 11, 1, 13, tzinfo=UTC))
    filled.write_manifest(finished)
    assert filled.manifests() == [finished]
    assert len(parts(filled, RUNS)) == 1


def test_manifests_come_oldest_first_and_latest_is_the_last(store: Store) -> None:
    """Ordered by start, whatever the ids sort like."""
    starts = {"b-run": 3, "c-run": 1, "a-run": 2}
    for run_id, day in starts.items():
        store.write_manifest(a_manifest(run_id=run_id, started_at=datetime(2026, 11, day, tzinfo=UTC)))
    assert [each.run_id for each in store.manifests()] == ["c-run", "a-run", "b-run"]
    assert store.latest().run_id == "b-run"


def test_an_empty_results_folder_says_that_there_are_no_runs(store: Store) -> None:
    """One line with the folder and the command that fills it, for every question about a run."""
    for ask in (store.latest, lambda: store.manifest(RUN_ID), lambda: store.calls([RUN_ID])):
        with pytest.raises(DataError) as caught:
            ask()
        assert str(caught.value) == f"no runs in {store.root}; run 'make bench' first"


def test_an_unknown_run_is_named_beside_the_known_ones(filled: Store) -> None:
    """The message says what was asked, what there is and where to see the rest."""
    for ask in (filled.manifest, lambda run_id: filled.calls([RUN_ID, run_id])):
        with pytest.raises(DataError) as caught:
            ask("nonsuch")
        assert str(caught.value) == f"run: expected one of {RUN_ID}, got 'nonsuch'; see 'harness list runs'"


def damaged(text: str, **changes: object) -> str:
    """A manifest's text with some keys changed; a key set to ``...`` is taken out."""
    document = json.loads(text) | changes
    return json.dumps({key: value for key, value in document.items() if value is not ...})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seed": "one"}, "seed: expected "),
        ({"seed": ...}, "seed: expected a value, got none"),
        ({"colour": "red"}, "colour: expected no such key, got one"),
        ({"is_complete": "yes"}, "is_complete: expected "),
        ({"schema_version": 5}, "schema_version: expected 4, got 5 of a newer harness; upgrade this one"),
        ({"schema_version": 0}, "schema_version: expected 4, got 0; "),
        ({"schema_version": ...}, "schema_version: expected 4, got None; "),
        ({"run_id": OTHER_RUN}, f"run_id: expected '{RUN_ID}' as the file is named, got '{OTHER_RUN}'"),
        ({"started_at": "2026-11-01T12:00:00"}, "started_at: expected a time with its zone"),
        ({"finished_at": "2026-11-01T12:00:00"}, "finished_at: expected a time with its zone"),
        ({"started_at": "noon"}, "started_at: expected "),
        ({"fingerprint": "{"}, "fingerprint: expected JSON text, got '{'"),
        ({"pressure": ""}, "pressure: expected JSON text, got ''"),
        ({"doubts": [1]}, "doubts.0: expected "),
    ],
)
def test_a_manifest_that_was_tampered_with_is_refused_by_file_and_key(
    filled: Store, changes: dict[str, object], says: str
) -> None:
    """A missing, extra, mistyped or impossible value is one line that names where it stands."""
    path = filled.root / "runs" / f"{RUN_ID}.json"
    path.write_text(damaged(path.read_text(), **changes))
    for ask in (filled.manifests, lambda: filled.manifest(RUN_ID)):
        with pytest.raises(DataError) as caught:
            ask()
        assert str(caught.value).startswith(f"{path}: {says}")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"schema_version": 1e400}'])
def test_a_manifest_that_is_no_json_object_is_refused_by_its_file(filled: Store, data: bytes) -> None:
    """Empty, cut, of another kind, not UTF-8 or nested beyond reason: a DataError naming the file."""
    path = filled.root / "runs" / f"{RUN_ID}.json"
    path.write_bytes(data)
    with pytest.raises(DataError, match=rf"^{path}: ") as caught:
        filled.manifest(RUN_ID)
    assert "\n" not in str(caught.value)


@given(data=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_in_place_of_a_manifest_raise_anything_but_a_data_error(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever stands in the file, the reader's answer is the one kind of error."""
    store = Store(tmp_path_factory.mktemp("fuzz"))
    (store.root / "runs").mkdir()
    (store.root / "runs" / f"{RUN_ID}.json").write_bytes(data)
    with pytest.raises(DataError):
        store.manifest(RUN_ID)


# self-tests


def record(**overrides: Any) -> SelfTestRecord:
    """One passed self-test."""
    found = SelfTestRecord(
        name="A/A, sync (openai)",
        found="4.1 %",
        required="≤ 5 %",
        passed=True,
        measured_at="2026-11-01T12:00:00+00:00",
        details="{}",
    )
    return replace(found, **overrides)


def test_self_tests_come_back_by_file_name_and_a_repeated_one_replaces(store: Store) -> None:
    """One document per name, the last one kept."""
    first, second = record(name="Planted effect"), record()
    store.write_self_tests([first, second])
    assert store.self_tests() == [second, first]
    assert sorted(path.name for path in (store.root / "self").iterdir()) == [
        "a-a-sync-openai.json",
        "planted-effect.json",
    ]
    store.write_self_tests([replace(first, passed=False)])
    assert [each.passed for each in store.self_tests()] == [True, False]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"name": 1}', "\x00"])
def test_a_damaged_self_test_is_refused_by_its_file(store: Store, text: str) -> None:
    """The report shows no self-test that cannot be read; it says which one to repeat."""
    store.write_self_tests([record()])
    path = store.root / "self" / "a-a-sync-openai.json"
    path.write_text(text)
    with pytest.raises(DataError, match=rf"^{path}: .*remove the file and run 'harness self' again$"):
        store.self_tests()


def test_every_field_of_a_self_test_is_required(store: Store) -> None:
    """A record with one key taken out is refused, whichever it is."""
    store.write_self_tests([record()])
    path = store.root / "self" / "a-a-sync-openai.json"
    whole = path.read_text()
    for field in fields(SelfTestRecord):
        path.write_text(damaged(whole, **{field.name: ...}))
        with pytest.raises(DataError, match=f"{field.name}: expected a value, got none"):
            store.self_tests()


def test_the_manifests_json_is_readable_without_this_project(filled: Store) -> None:
    """Plain JSON, one object, the record's keys in the record's order."""
    document = json.loads((filled.root / "runs" / f"{RUN_ID}.json").read_text(encoding="utf-8"))
    assert list(document) == [field.name for field in fields(Manifest)]
    assert document["started_at"] == "2026-11-01T12:00:00.123456+00:00"
