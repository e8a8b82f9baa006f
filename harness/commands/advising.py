"""``harness advise``: a configuration beside the evidence."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import RESULTS, AsJson, Results, print_json


def command(
    config: Annotated[Path, typer.Argument(help="LiteLLM's .yaml, or .json or .py as harness recommend writes them.")],
    runs: Annotated[list[str] | None, typer.Argument(help="Run ids; default: the latest, and every import.")] = None,
    results: Results = RESULTS,
    false_timeout_rate: Annotated[float, typer.Option(help="Share of healthy calls a limit may cut.")] = 0.001,
    as_json: AsJson = False,
) -> None:
    """Say what the evidence says of the limits you have."""
    from harness.analysis.analyse import findings_from
    from harness.commands.publishing import chosen_runs
    from harness.configs.reading import read_configuration
    from harness.dataset.store import Store
    from harness.recommend.advice import Word, advise
    from harness.recommend.aim import Aim

    stated = read_configuration(config).stated
    store = Store(results)
    findings = findings_from(store, chosen_runs(store, runs))
    found = list(advise(stated, findings, Aim.of(false_timeout_rate, None)))
    if as_json:
        print_json({"config": str(config), "advice": [asdict(each) for each in found]})
        return
    marks = {Word.FINE: "✓", Word.UNKNOWN: "?"}
    for each in found:
        print(f"{marks.get(each.word, '✗')} {each.model}: {each.why}")
