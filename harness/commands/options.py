"""Owns the options that several commands share: one spelling, one help text, one default."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

Results = Annotated[Path, typer.Option("--results", help="Folder of the dataset.", show_default=True)]
Reports = Annotated[Path, typer.Option("--reports", help="Folder of the built pages.", show_default=True)]
Seed = Annotated[int | None, typer.Option("--seed", help="Order of blocks and turns; default: the plan's.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be measured, measure nothing.")]


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """What a command line says of a live run."""

    upstreams: tuple[str, ...] = ()
    authorities: Path | None = None
    record: Path | None = None
    max_cost_usd: float | None = None
    per_minute: float | None = None


RESULTS = Path("results")
REPORTS = Path("reports")
JSON_SCHEMA_VERSION = 1


def print_json(document: dict[str, Any]) -> None:
    """Print one document with its ``schema_version``."""
    print(
        json.dumps(
            {"schema_version": JSON_SCHEMA_VERSION, **document},
            indent=2,
            sort_keys=False,
            ensure_ascii=False,
            allow_nan=False,
        )
    )
