"""The queries given as evidence run as they stand, on the real schema, from the folder that holds results/."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.dataset.schema import CALLS, COLD, RUNS, Table
from harness.recommend.ground import quoted
from harness.recommend.recommend import recommend
from tests.recommend.example import findings


def empty(table: Table, root: Path) -> None:
    """A table without rows where the dataset has it."""
    folder = root / "results" / "dataset" / table.name / "run_date=2026-11-20"
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist([], schema=table.schema), folder / "part-0.parquet")


def test_every_query_given_as_evidence_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No misspelt column, table or syntax: each setting's query is a statement that DuckDB accepts."""
    for table in (CALLS, COLD, RUNS):
        empty(table, tmp_path)
    monkeypatch.chdir(tmp_path)
    queries = {setting.evidence[-1] for setting in recommend(findings())}
    assert len(queries) > 5
    with duckdb.connect() as connection:
        for query in sorted(queries):
            assert connection.execute(query).fetchall() == []


@pytest.mark.parametrize("text", ["plain", "it's", "''", "'; DROP TABLE x; --", ""])
def test_a_quoted_run_id_is_that_text_and_nothing_more(text: str) -> None:
    """A run id cannot leave its literal."""
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT {quoted(text)}").fetchall() == [(text,)]
