"""Owns what makes a manifest read from disk trustworthy: its version, its name, its times and the JSON inside it. Pure.

Called by ``store``, which knows where the documents lie.
"""

from __future__ import annotations

import json
from pathlib import Path

from harness.dataset import documents
from harness.dataset.schema import SCHEMA_VERSION
from harness.errors import DataError
from harness.record import Manifest

JSON_FIELDS = ("fingerprint", "cassettes", "pressure")
"""Fields whose text is itself JSON."""

_REMEDY = "restore the file, or move it and its run's parts out of results/"


def from_text(text: str, path: Path) -> Manifest:
    """Read a manifest from the text of ``path``. Raises DataError naming the file, the key and what was expected."""
    _check_version(documents.parse(text, path, _REMEDY).get("schema_version"), path)
    found = documents.from_text(Manifest, text, path, _REMEDY)
    _check_name(found, path)
    _check_times(found, path)
    _check_json(found, path)
    return found


def _check_version(version: object, path: Path) -> None:
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise DataError(
            f"{path}: schema_version: expected {SCHEMA_VERSION}, got {version} of a newer harness; upgrade this one"
        )
    if version != SCHEMA_VERSION:
        raise DataError(f"{path}: schema_version: expected {SCHEMA_VERSION}, got {version!r}; {_REMEDY}")


def _check_name(found: Manifest, path: Path) -> None:
    if found.run_id != path.stem:
        raise DataError(f"{path}: run_id: expected {path.stem!r} as the file is named, got {found.run_id!r}; {_REMEDY}")


def _check_times(found: Manifest, path: Path) -> None:
    for key, moment in (("started_at", found.started_at), ("finished_at", found.finished_at)):
        if moment is not None and moment.tzinfo is None:
            raise DataError(f"{path}: {key}: expected a time with its zone, got {moment.isoformat()!r}; {_REMEDY}")


def _check_json(found: Manifest, path: Path) -> None:
    for key in JSON_FIELDS:
        text = getattr(found, key)
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            raise DataError(f"{path}: {key}: expected JSON text, got {text[:40]!r}; {_REMEDY}") from None
