"""Owns writing recorded exchanges as cassettes of ours. Called by ``commands`` for formats that hold bodies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import atomic
from harness.cassette import dump_cassette
from harness.errors import UsageError


def write_cassettes(form: str, files: Sequence[Path], folder: Path) -> Iterator[Path]:
    """Write every answered exchange into ``folder``, and yield where. Raises UsageError for a format without bodies."""
    if form != "vcr":
        raise UsageError(f"--cassettes: expected the format vcr, which holds bodies, got {form!r}")
    from harness.importers import vcr

    for path in files:
        for cassette in vcr.cassettes_of(path):
            target = folder / vcr.file_name(cassette)
            atomic.write_file(target, dump_cassette(cassette).encode(), folder)
            yield target
