"""Owns the record of one test of the instrument by itself, as a JSON document under ``results/self/``. Pure.

Written by the calibration commands through ``store``; shown by the report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from harness.dataset import documents


@dataclass(frozen=True, slots=True)
class SelfTestRecord:
    """What was planted or counted (``details``), what was found, the bound, and whether it held, at which ISO time."""

    name: str
    found: str
    required: str
    passed: bool
    measured_at: str
    details: str


def file_name(record: SelfTestRecord) -> str:
    """File of a record: its name in lower case, anything but letters and digits as a dash."""
    return re.sub(r"[^a-z0-9]+", "-", record.name.lower()).strip("-") + ".json"


def from_text(text: str, path: Path) -> SelfTestRecord:
    """Read a record from the text of ``path``. Raises DataError naming the file and the key."""
    return documents.from_text(SelfTestRecord, text, path, "remove the file and run 'harness self' again")
