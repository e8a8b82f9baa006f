"""Owns how a benchmark's last result is kept under ``results/self``: a line for the page, with its figures and date."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from harness.dataset.self_tests import SelfTestRecord
from harness.dataset.store import Store


def keep(results: Path, name: str, found: str, required: str, details: object, *, passed: bool) -> None:
    """Write one line, in place of an earlier one of that name."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    Store(results).write_self_tests([SelfTestRecord(name, found, required, passed, now, json.dumps(details))])
