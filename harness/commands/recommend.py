"""``harness recommend``: the config, on standard output."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands.options import RESULTS, Results


def command(
    runs: Annotated[list[str] | None, typer.Argument(help="Run ids; default: the latest.")] = None,
    results: Results = RESULTS,
    false_timeout_rate: Annotated[float, typer.Option(help="Share of healthy calls a limit may cut.")] = 0.001,
    max_tokens: Annotated[int | None, typer.Option(help="Output budget that the limits must carry.")] = None,
    form: Annotated[str, typer.Option("--format", help="json or python.")] = "json",
) -> None:
    """Print what to configure, each value with its evidence and grade."""
    from harness.analysis.analyse import findings_from
    from harness.commands.publishing import chosen_runs, measured_on
    from harness.dataset.store import Store
    from harness.recommend.exports import export
    from harness.recommend.recommend import recommend

    store = Store(results)
    chosen = chosen_runs(store, runs)
    settings = recommend(findings_from(store, chosen), false_timeout_rate, max_tokens)
    print(export(form, settings, chosen, measured_on(store, chosen)), end="")
