"""``harness import``: other tools' and production measurements into the dataset."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.options import RESULTS, AsJson, Results, print_json

if TYPE_CHECKING:
    from harness.dataset.foreign.intake import Imported


def command(
    form: Annotated[str, typer.Argument(metavar="FORMAT", help="What the files are; see 'harness list importers'.")],
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="What to import, each a run of its own; or a postgresql:// address."),
    ],
    mapping: Annotated[
        Path | None, typer.Option("--map", help="TOML: which column states what, in which unit.")
    ] = None,
    cassettes: Annotated[
        Path | None, typer.Option(help="Where the bodies of recorded exchanges go as cassettes (vcr alone).")
    ] = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Import calls that others measured, or that production made. Prompts, keys and users are not kept."""
    from harness.dataset.store import Store
    from harness.importers import import_files
    from harness.importers.bodies import write_cassettes

    if cassettes is not None:
        for path in write_cassettes(form, [Path(each) for each in files], cassettes):
            print(path)
    found = import_files(Store(results), form, files, mapping, _progress)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if as_json:
        print_json({"imports": [asdict(each) | {"quarantine": _text(each.quarantine)} for each in found]})
        return
    for each in found:
        print(_line(each))
    if any(each.imported for each in found):
        print(
            "these calls were cut off at the timeout that was in force then: whoever would have waited longer is not "
            "among them, and a limit above it cannot be learnt here"
        )


def _line(each: Imported) -> str:
    if each.was_there:
        return f"{each.file}: imported before as {each.run_id}; nothing added"
    said = f"{each.file}: {each.imported} of {each.rows} rows imported as {each.run_id}"
    if each.repeated:
        said += f"; {each.repeated} were here already"
    if each.quarantined:
        reasons = "; ".join(f"{count} × {reason}" for reason, count in each.reasons)
        said += f"; {each.quarantined} quarantined in {each.quarantine} ({reasons})"
    return said


def _progress(rows: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{rows:,} rows read", end="", file=sys.stderr, flush=True)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
