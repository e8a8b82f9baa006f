"""The dataset opens in one line elsewhere; these are the lines of ``results/README.md``."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from harness.dataset.schema import TABLES, WORD
from harness.dataset.store import Store
from tests.dataset.rows import RUN_ID

README = Path(__file__).parents[2] / "results" / "README.md"


@pytest.fixture
def results_here(filled: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The working directory holds ``results/``, as the documented lines expect."""
    monkeypatch.chdir(filled.root.parent)
    return filled


def test_pandas_opens_the_folder_with_the_partition_as_a_column(results_here: Store) -> None:
    """Repeating strings are categories, and the day is one more."""
    line = 'pd.read_parquet("results/dataset/calls")'
    assert line in README.read_text(encoding="utf-8")
    frame = eval(line, {"pd": pd})
    assert len(frame) == len(results_here.calls([RUN_ID]))
    assert set(frame["run_date"].astype(str)) == {"2026-11-01"}
    assert frame["arm"].dtype == "category"
    assert str(frame["started_at"].dtype) == "datetime64[us, UTC]"


def test_duckdb_opens_the_glob(results_here: Store) -> None:
    """With the same rows, and the partition as a column."""
    line = "duckdb.sql(\"select * from 'results/dataset/calls/**/*.parquet'\")"
    assert line in README.read_text(encoding="utf-8")
    relation = eval(line, {"duckdb": duckdb})
    assert "run_date" in relation.columns
    assert relation.to_arrow_table().num_rows == len(results_here.calls([RUN_ID]))


def test_polars_has_its_line() -> None:
    """Documented, though polars is not installed here."""
    assert 'pl.scan_parquet("results/dataset/calls/**/*.parquet")' in README.read_text(encoding="utf-8")


def test_the_views_of_the_dataset_run(results_here: Store) -> None:
    """``views.sql`` names only columns that exist, and joins attempts to their calls."""
    with duckdb.connect() as connection:
        connection.execute((README.parent / "views.sql").read_text(encoding="utf-8"))
        assert connection.execute("select count(*) from calls").fetchall() == [(6,)]
        joined = connection.execute("select count(*) from call_attempts where received_ns is not null").fetchall()
        assert joined == [(6,)]


def test_files_follow_the_storage_rules(filled: Store) -> None:
    """zstd, dictionaries for words, no dictionary for numbers, a page index, a checksum on every page."""
    for table in TABLES:
        path = next((filled.root / "dataset" / table.name).rglob("*.parquet"))
        group = pq.read_metadata(path).row_group(0)
        for index in range(group.num_columns):
            column = group.column(index)
            name = column.path_in_schema.partition(".")[0]
            is_word = table.schema.field(name).type == WORD
            assert column.compression == "ZSTD"
            assert ("RLE_DICTIONARY" in column.encodings) == is_word, name
            assert column.has_offset_index, name


def test_only_parquet_lies_in_the_tables(filled: Store) -> None:
    """Readers open whatever lies in a table's folder."""
    files = [path for path in (filled.root / "dataset").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".parquet"}
