"""Traffic: one row per run, cell and arm, summed over a call's attempts, of committed blocks alone."""

from __future__ import annotations

import math

import pytest

from harness.dataset.store import Store
from harness.errors import DataError
from tests.dataset.rows import RUN_ID, a_call, a_manifest, an_attempt

OTHER_RUN = "20261102T080000-quick-000002"
COLUMNS = ["run_id", "cell_id", "arm", "calls", "request_bytes_p50", "response_bytes_p50", "connections", "reuse"]


def write(store: Store, block: int, run_id: str = RUN_ID) -> None:
    """Three calls of openai and one of litellm with a retry; connection 1 is another one in every block."""
    calls = [
        *(a_call(run_id=run_id, block=block, call_id=f"{block}-{k}", sequence=k) for k in range(3)),
        a_call(run_id=run_id, block=block, call_id=f"{block}-3", arm="litellm"),
    ]
    attempts = [
        an_attempt(run_id=run_id, call_id=f"{block}-0", request_bytes=400, response_bytes=800),
        an_attempt(run_id=run_id, call_id=f"{block}-1", request_bytes=410, response_bytes=810, connection_reused=True),
        an_attempt(run_id=run_id, call_id=f"{block}-2", request_bytes=420, response_bytes=900, connection_reused=True),
        an_attempt(run_id=run_id, call_id=f"{block}-3", request_bytes=500, response_bytes=10, connection_id=2),
        an_attempt(
            run_id=run_id, call_id=f"{block}-3", attempt=2, request_bytes=500, response_bytes=1000, connection_id=3,
            connection_reused=True,
        ),
    ]  # fmt: skip
    store.write_block(run_id, block, calls, attempts, [])


def test_bytes_are_summed_over_attempts_and_connections_counted_per_block(store: Store) -> None:
    """A block has processes of its own, so that connection 1 of two blocks is two; reuse is the first attempt's."""
    store.write_manifest(a_manifest())
    write(store, 0)
    write(store, 1)
    found = store.traffic([RUN_ID])
    assert list(found.columns) == COLUMNS
    cell = a_call().cell_id
    assert found.values.tolist() == [
        [RUN_ID, cell, "litellm", 2, 1000.0, 1010.0, 4, 0.0],
        [RUN_ID, cell, "openai", 6, 410.0, 810.0, 2, pytest.approx(2 / 3)],
    ]


def test_runs_are_not_pooled_and_the_same_call_id_joins_only_its_own(store: Store) -> None:
    """Call ids are unique in a run, not over runs."""
    for run_id in (RUN_ID, OTHER_RUN):
        store.write_manifest(a_manifest(run_id=run_id))
        write(store, 0, run_id)
    both, one = store.traffic([RUN_ID, OTHER_RUN]), store.traffic([OTHER_RUN])
    assert list(both["run_id"]) == [RUN_ID, RUN_ID, OTHER_RUN, OTHER_RUN]
    assert list(one["run_id"]) == [OTHER_RUN, OTHER_RUN]
    assert list(both["calls"]) == [1, 3, 1, 3]


def test_a_call_that_never_reached_the_wire_counts_as_a_call_alone(store: Store) -> None:
    """It has no bytes, no connection and no part in reuse."""
    store.write_manifest(a_manifest())
    store.write_block(RUN_ID, 0, [a_call(call_id="1"), a_call(call_id="2", arm="litellm")], [an_attempt()], [])
    litellm, openai = store.traffic([RUN_ID]).to_dict("records")
    assert (litellm["calls"], litellm["connections"]) == (1, 0)
    assert math.isnan(litellm["request_bytes_p50"])
    assert math.isnan(litellm["reuse"])
    assert (openai["calls"], openai["connections"], openai["request_bytes_p50"]) == (1, 1, 412.0)


def test_attempts_of_a_block_without_its_calls_are_not_there(store: Store) -> None:
    """Committed blocks only, as everywhere; a run without any gives the columns and no row."""
    store.write_manifest(a_manifest())
    write(store, 0)
    write(store, 1)
    for path in (store.root / "dataset" / "calls").rglob("*-b0001.parquet"):
        path.unlink()
    assert list(store.traffic([RUN_ID])["calls"]) == [1, 3]
    for path in (store.root / "dataset" / "calls").rglob("*.parquet"):
        path.unlink()
    empty = store.traffic([RUN_ID])
    assert (list(empty.columns), len(empty)) == (COLUMNS, 0)


def test_an_unknown_run_is_one_line(store: Store) -> None:
    """As for every table."""
    store.write_manifest(a_manifest())
    with pytest.raises(DataError, match="expected one of"):
        store.traffic(["nowhere"])
