"""Fixtures of the dataset's tests: an empty store and one that holds a run of two blocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.dataset.store import Store
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


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store whose folder does not exist yet."""
    return Store(tmp_path / "results")


@pytest.fixture
def filled(store: Store) -> Store:
    """A store with one run of two blocks, three calls each."""
    store.write_manifest(a_manifest(blocks_done=2, is_complete=True))
    for block in (0, 1):
        ids = [str(3 * block + k) for k in range(3)]
        calls = [a_call(call_id=each, block=block, sequence=k) for k, each in enumerate(ids)]
        attempts = [an_attempt(call_id=each) for each in ids]
        befallen = [a_fault(block=block)], [an_outage_call(block=block)]
        beside = [a_first_call(repeat=block)], [a_request(block=block)], *befallen
        store.write_block(RUN_ID, block, calls, attempts, [a_cold(repeat=block)], *beside)
    return store
