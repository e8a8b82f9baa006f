"""``harness recommend``: the config, on standard output."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands.options import RESULTS, AsJson, Results


def command(
    runs: Annotated[list[str] | None, typer.Argument(help="Run ids; default: the latest.")] = None,
    results: Results = RESULTS,
    false_timeout_rate: Annotated[float, typer.Option(help="Share of healthy calls a limit may cut.")] = 0.001,
    max_tokens: Annotated[int | None, typer.Option(help="Output budget that the limits must carry.")] = None,
    deadline: Annotated[float | None, typer.Option(help="Seconds that one call may take, retries and all.")] = None,
    patience: Annotated[float, typer.Option(help="Seconds to a first chunk beyond which a call hangs.")] = 60.0,
    gap_patience: Annotated[float, typer.Option(help="Seconds of silence inside an answer likewise.")] = 30.0,
    form: Annotated[
        str, typer.Option("--format", help="json, python, litellm, openai, anthropic, genai, env or envoy.")
    ] = "json",
    as_json: AsJson = False,
) -> None:
    """Print what to configure, each value with its evidence and grade."""
    from harness.analysis.analyse import findings_from
    from harness.analysis.limits.waits import Patience
    from harness.commands.publishing import chosen_runs, measured_on
    from harness.dataset.store import Store
    from harness.recommend.aim import Aim
    from harness.recommend.exports import export
    from harness.recommend.recommend import recommend

    store = Store(results)
    chosen = chosen_runs(store, runs)
    aim = Aim.of(false_timeout_rate, max_tokens, deadline, Patience(patience, gap_patience))
    settings = recommend(findings_from(store, chosen), aim)
    print(export("json" if as_json else form, settings, chosen, measured_on(store, chosen)), end="")
