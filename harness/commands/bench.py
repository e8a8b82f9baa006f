"""``harness bench``: run, report and recommend in one go; what ``make bench`` calls."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands.options import REPORTS, RESULTS, AsJson, DryRun, Reports, Results, Seed, print_json


def command(
    plan: Annotated[str, typer.Option(help="A plan's name or a path to a .toml file.")] = "quick",
    results: Results = RESULTS,
    reports: Reports = REPORTS,
    seed: Seed = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Measure a plan, build the page, export the config."""
    from harness.commands.measuring import campaign_for, described, measure, second_plan

    campaign = campaign_for(plan, seed)
    second = campaign_for(second_plan(campaign), seed) if second_plan(campaign) else None
    if dry_run:
        print_json(described(campaign) | ({"also": described(second)} if second else {}))
        return
    run_ids = [measure(each, results).manifest.run_id for each in (campaign, second) if each is not None]
    from harness.commands.publishing import publish
    from harness.dataset.store import Store
    from harness.report.console import headline_line

    published = publish(Store(results), run_ids, reports / "latest")
    line = headline_line(published.findings)
    if as_json:
        print_json({"run_id": run_ids[0], "run_ids": run_ids, "headline": line, "page": str(published.page)})
    else:
        print(line)
        print(published.page)
