"""Owns reading JSON documents object by object: a file of lines, a list, or one object. Called by formats that nest.

Lines are read one at a time, so a log of any size fits; a single document is read whole.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from harness.dataset.foreign.given import OF_ROWS, Constant, Given, Reading, Rows, Shape
from harness.errors import DataError
from harness.importers.mapping import Mapping as Told
from harness.importers.mapping import table

Row = dict[str, Constant | None]
NOT_JSON = "expected a JSON object"


def documents(path: Path, told: Told, rows_of: Callable[[dict[str, Any]], Iterator[Row | str]]) -> Reading:
    """A file of which each object gives any number of rows, or sentences saying why one is none."""

    def read(path: Path) -> Iterator[Row | str]:
        for found in objects(path):
            if isinstance(found, str):
                yield found
                continue
            try:
                yield from rows_of(found)
            except (AttributeError, KeyError, TypeError, ValueError, IndexError):
                yield "expected an object of this format, got another"

    return Reading(path, Shape.ROWS, told.over(iter(OF_ROWS)), told.text, Rows(read))


def table_or_documents(
    path: Path, told: Told, columns: tuple[Given, ...], rows_of: Callable[[dict[str, Any]], Iterator[Row | str]]
) -> Reading:
    """An export that comes as CSV with known columns, or as JSON."""
    if path.name.lower().removesuffix(".gz").endswith(".csv"):
        return table(path, Shape.CSV, told, *columns)
    return documents(path, told, rows_of)


def objects(path: Path) -> Iterator[dict[str, Any] | str]:
    """Each object of the file, or for a line that is none a sentence. Raises DataError when it is no JSON at all."""
    try:
        with _opened(path) as file:
            first = file.readline()
            is_lines = _parsed(first) is not None
            file.seek(0)
            if is_lines:
                for line in file:
                    if line.strip():
                        yield from _flat(_parsed(line))
                return
            found = json.load(file)
    except (OSError, EOFError) as problem:
        raise DataError(f"{path}: cannot be read: {getattr(problem, 'strerror', None) or problem}") from None
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise DataError(f"{path}: expected JSON or lines of JSON, got neither") from None
    yield from _flat(found)


def moment(value: Any) -> str | None:
    """A point in time as ISO 8601 text; numbers are seconds from the epoch, NaN and nonsense None."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e11:
        return None
    return datetime.fromtimestamp(value, UTC).isoformat()


def seconds(value: Any, unit: str) -> float | None:
    """A duration in seconds, from a number in a unit that the document states. Raises KeyError for an unknown unit."""
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) * _UNITS[unit]


_UNITS = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def at(found: Mapping[str, Any], *names: str) -> Any:
    """The first of these members that is there and not null; a name may be a dotted path."""
    for name in names:
        value: Any = found
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            return value
    return None


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _flat(found: Any) -> Iterator[dict[str, Any] | str]:
    """Lists, and pages of an API (``data`` holds a list), by their members."""
    if isinstance(found, dict) and isinstance(found.get("data"), list):
        found = found["data"]
    if isinstance(found, list):
        for each in found:
            yield from _flat(each)
    else:
        yield found if isinstance(found, dict) else NOT_JSON
