"""Any file of comma-separated values with a header line, plain or gzipped: columns by their own names, or as a mapping
says.
"""

from __future__ import annotations

from pathlib import Path

from harness.dataset.foreign.given import Reading, Shape
from harness.importers.mapping import Mapping, table

SUMMARY = "comma-separated values with a header line, plain or gzipped"


def reading(path: Path, mapping: Mapping) -> Reading:
    """How the file is read."""
    return table(path, Shape.CSV, mapping)
