"""What ``harness.collect`` wrote: an object per line and call, spans in seconds, starts in seconds from the epoch."""

from __future__ import annotations

from pathlib import Path

from harness.dataset.foreign.fields import FIELDS, Kind
from harness.dataset.foreign.given import Given, Reading, Shape
from harness.importers.mapping import Mapping

SUMMARY = "calls that harness.collect kept (.jsonl)"

_FIELDS = tuple(
    Given(field, field.name, unit="s" if field.kind in (Kind.SPAN, Kind.INSTANT) else None) for field in FIELDS
)


def reading(path: Path, mapping: Mapping) -> Reading:
    """How the file is read."""
    return Reading(path, Shape.JSONL, mapping.over(iter(_FIELDS)), mapping.text)
