"""``harness report``: the page, from Parquet alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import REPORTS, RESULTS, Results


def command(
    runs: Annotated[list[str] | None, typer.Argument(help="Run ids; default: the latest.")] = None,
    results: Results = RESULTS,
    out: Annotated[Path, typer.Option(help="Folder for index.html.", show_default=True)] = REPORTS / "latest",
) -> None:
    """Build the page from the dataset."""
    from harness.commands.publishing import chosen_runs, publish
    from harness.dataset.store import Store

    store = Store(results)
    print(publish(store, chosen_runs(store, runs), out).page)
