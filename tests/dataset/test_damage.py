"""Whatever lies in ``results/``, a reader gets either its rows or one line that names the file."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.dataset import manifest, parquet
from harness.dataset.documents import to_text
from harness.dataset.schema import CALLS, SCHEMA_VERSION
from harness.dataset.self_tests import SelfTestRecord
from harness.dataset.store import Store
from harness.errors import DataError
from tests.dataset.rows import RUN_ID, a_call, a_cold, a_manifest, an_attempt

CALLS_ROWS = [a_call(call_id=str(k), sequence=k, duration_ns=10**6 + 17 * k) for k in range(40)]
VALID = parquet.encode(CALLS, CALLS_ROWS)
Change = Callable[[pa.Table], pa.Table]


@pytest.fixture(scope="module")
def planted() -> Iterator[tuple[Store, Path]]:
    """A store with one block, and the path of its calls part, for tests that rewrite that file."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "results")
        store.write_manifest(a_manifest())
        store.write_block(RUN_ID, 0, CALLS_ROWS, [an_attempt()], [a_cold()])
        yield store, next((store.root / "dataset" / "calls").rglob("*.parquet"))


def complaint(store: Store) -> str:
    """The line that reading the calls ends with."""
    with pytest.raises(DataError) as caught:
        store.calls([RUN_ID])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def frame_or_line(store: Store) -> tuple[pd.DataFrame | None, str]:
    """The calls, or the line in their place; anything else that is raised fails the test."""
    try:
        return store.calls([RUN_ID]), ""
    except DataError as problem:
        return None, str(problem)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=2000))
def test_random_bytes_are_one_line(planted: tuple[Store, Path], data: bytes) -> None:
    """Not Parquet at all."""
    store, path = planted
    path.write_bytes(data)
    assert complaint(store).startswith(f"{path}: expected a Parquet file of table calls, got one that cannot be read")


@settings(max_examples=60, deadline=None)
@given(length=st.integers(0, len(VALID) - 1))
def test_a_truncated_file_is_one_line(planted: tuple[Store, Path], length: int) -> None:
    """At any length."""
    store, path = planted
    path.write_bytes(VALID[:length])
    assert complaint(store).startswith(f"{path}: ")


def damaged(changes: list[tuple[int, int]]) -> bytes:
    """The valid file with some bytes replaced."""
    data = bytearray(VALID)
    for position, value in changes:
        data[position] = value
    return bytes(data)


@settings(max_examples=300, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, len(VALID) - 1), st.integers(0, 255)), min_size=1, max_size=4).map(
        damaged
    )
)
def test_a_damaged_file_gives_its_rows_or_one_line(planted: tuple[Store, Path], changes: bytes) -> None:
    """Never another number: where a file still reads, its overheads are those that were written."""
    store, path = planted
    path.write_bytes(changes)
    frame, line = frame_or_line(store)
    if frame is None:
        assert str(path.parent.parent) in line
        assert "\n" not in line
    else:
        assert list(frame["duration_ns"]) == [row.duration_ns for row in CALLS_ROWS]


@settings(max_examples=100, deadline=None)
@given(position=st.integers(4, len(VALID) // 2), flip=st.integers(1, 255))
def test_no_flipped_byte_in_the_pages_goes_unnoticed_as_a_number(
    planted: tuple[Store, Path], position: int, flip: int
) -> None:
    """Checksums guard what the encodings would decode into something plausible."""
    store, path = planted
    path.write_bytes(damaged([(position, VALID[position] ^ flip)]))
    frame, _ = frame_or_line(store)
    if frame is not None:
        assert list(frame["call_id"]) == [row.call_id for row in CALLS_ROWS]
        assert list(frame["duration_ns"]) == [row.duration_ns for row in CALLS_ROWS]
        assert set(frame["overhead_ns"]) == {900_000.0}


def without(column: str) -> Change:
    """The table without one column."""
    return lambda table: table.drop_columns([column])


def with_type(column: str, kind: pa.DataType) -> Change:
    """The table with one column in another type."""

    def change(table: pa.Table) -> pa.Table:
        index = table.schema.get_field_index(column)
        cast = table.column(column).cast(kind)
        return table.set_column(index, pa.field(column, kind, table.schema.field(index).nullable), cast)

    return change


def with_metadata(**metadata: str) -> Change:
    """The table with other table metadata."""
    changes = {key.encode(): value.encode() for key, value in metadata.items()}
    return lambda table: table.replace_schema_metadata({**table.schema.metadata, **changes})


FOREIGN: list[tuple[str, Change, str]] = [
    ("no metadata", lambda t: t.replace_schema_metadata(None), "got a foreign Parquet file; move it out"),
    ("foreign", lambda t: pa.table({"x": [1]}), "got a foreign Parquet file; move it out"),
    ("another table", with_metadata(table="attempts"), "expected a file of table calls, got one of table attempts"),
    ("newer", with_metadata(schema_version=str(SCHEMA_VERSION + 1)), "of a newer harness; upgrade this one"),
    ("older", with_metadata(schema_version="0"), f"expected schema version {SCHEMA_VERSION}, got '0'"),
    ("odd version", with_metadata(schema_version="one"), f"expected schema version {SCHEMA_VERSION}, got 'one'"),
    ("missing column", without("overhead_ns"), "overhead_ns: expected this column, got none"),
    ("additional column", lambda t: t.append_column("extra", t["arm"]), "extra: expected no such column, got one"),
    ("other type", with_type("duration_ns", pa.float64()), "duration_ns: expected int64, got double"),
    ("other width", with_type("block", pa.int64()), "block: expected int32 not null, got int64 not null"),
    ("plain strings", with_type("arm", pa.string()), "arm: expected dictionary"),
    ("other order", lambda t: t.select(list(reversed(t.column_names))), "got another order"),
    ("a column twice", lambda t: t.append_column("arm", t["arm"]), "arm: expected one column, got several"),
]


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in FOREIGN], ids=[case[0] for case in FOREIGN])
def test_a_file_of_another_schema_is_named(planted: tuple[Store, Path], change: Change, expected: str) -> None:
    """With what was expected, what was found and what to do."""
    store, path = planted
    table = change(pq.read_table(pa.BufferReader(VALID), schema=CALLS.schema))
    pq.write_table(table, path)
    line = complaint(store)
    assert line.startswith(f"{path}: ")
    assert expected in line


@pytest.mark.parametrize("folder", ["calls", "attempts", "cold", "runs"])
def test_a_stray_file_in_any_table_is_named(filled: Store, folder: str) -> None:
    """The one-line readers of users would open it too."""
    stray = filled.root / "dataset" / folder / "export.parquet"
    stray.write_bytes(VALID)
    assert complaint(filled).startswith(f"{stray}: expected a part written by this harness")


def test_a_part_that_lies_there_twice_is_named(filled: Store) -> None:
    """A copied folder would count every call twice."""
    part = next((filled.root / "dataset" / "calls").rglob("*-b0001.parquet"))
    copy = part.parent.with_name("run_date=2026-12-01") / part.name
    copy.parent.mkdir()
    shutil.copy(part, copy)
    assert complaint(filled).startswith(f"{copy}: expected each part once, got it also as {part}")


def test_a_part_with_another_runs_rows_is_refused(filled: Store) -> None:
    """A renamed part must not lose its rows in silence."""
    part = next((filled.root / "dataset" / "calls").rglob("*-b0001.parquet"))
    part.write_bytes(parquet.encode(CALLS, [a_call(run_id="other", block=1)]))
    assert "a part holds another run's rows" in complaint(filled)


def test_a_folder_named_like_a_part_is_named(filled: Store) -> None:
    """Not a file at all."""
    odd = filled.root / "dataset" / "calls" / f"part-{RUN_ID}-b0009.parquet"
    odd.mkdir()
    assert complaint(filled).startswith(f"{odd}: expected a Parquet file")


MANIFEST = to_text(a_manifest())
BROKEN_MANIFESTS = {
    "no JSON": ("{", "expected a JSON object, got a syntax error"),
    "an array": ("[]", "expected a JSON object, got list"),
    "deep": ("[" * 100_000, "expected a JSON object"),
    "newer": (MANIFEST.replace('schema_version": 4', 'schema_version": 5'), "of a newer harness; upgrade this one"),
    "no version": (MANIFEST.replace("schema_version", "version"), "schema_version: expected 4, got None"),
    "missing key": (MANIFEST.replace('"seed": 1,', ""), "seed: expected a value, got none"),
    "extra key": (MANIFEST.replace('"seed": 1,', '"seed": 1, "x": 2,'), "x: expected no such key, got one"),
    "other type": (MANIFEST.replace('"seed": 1', '"seed": "1"'), "seed: expected a valid integer, got '1'"),
    "no zone": (MANIFEST.replace("+00:00", ""), "started_at: expected a time with its zone"),
    "other run": (MANIFEST.replace(RUN_ID, "other"), "run_id: expected"),
    "inner JSON": (MANIFEST.replace('"{}"', '"{"'), "fingerprint: expected JSON text, got '{'"),
}


@pytest.mark.parametrize(("text", "expected"), BROKEN_MANIFESTS.values(), ids=BROKEN_MANIFESTS)
def test_a_broken_manifest_is_named(store: Store, text: str, expected: str) -> None:
    """By every way of reading manifests."""
    store.write_manifest(a_manifest())
    path = store.root / "runs" / f"{RUN_ID}.json"
    path.write_text(text)
    for read in (store.manifests, store.latest, lambda: store.manifest(RUN_ID)):
        with pytest.raises(DataError) as caught:
            read()
        assert str(caught.value).startswith(f"{path}: ")
        assert expected in str(caught.value)
        assert "\n" not in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(key=st.sampled_from(list(json.loads(MANIFEST))), value=json_values)
def test_any_value_in_a_manifest_reads_or_is_one_line(key: str, value: object) -> None:
    """No traceback, whatever JSON stands behind a key."""
    text = json.dumps({**json.loads(MANIFEST), key: value})
    line = ""
    try:
        assert manifest.from_text(text, Path(f"{RUN_ID}.json")).run_id == RUN_ID
    except DataError as problem:
        line = str(problem)
    assert "\n" not in line


@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=300))
def test_manifest_bytes_that_are_not_text_are_one_line(planted: tuple[Store, Path], data: bytes) -> None:
    """Not even UTF-8."""
    store, _ = planted
    path = store.root / "runs" / f"{RUN_ID}.json"
    kept = path.read_bytes()
    try:
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"^\S+: "):
            store.manifests()
    finally:
        path.write_bytes(kept)


def test_a_broken_self_test_is_named(store: Store) -> None:
    """With the way to make it anew."""
    record = SelfTestRecord("pacing", "21 µs", "≤ 50 µs", True, "2026-11-01T12:01:00+00:00", "p99")
    store.write_self_tests([record])
    path = store.root / "self" / "pacing.json"
    path.write_text(path.read_text().replace("true", '"yes"'))
    with pytest.raises(DataError, match=r"pacing\.json: passed: expected a valid boolean, got 'yes'; remove the file"):
        store.self_tests()
