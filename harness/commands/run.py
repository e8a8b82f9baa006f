"""``harness run``: measure only; prints the run id."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.commands.options import RESULTS, AsJson, DryRun, Results, Seed, print_json


def command(
    plan: Annotated[str | None, typer.Argument(help="A plan's name or a path to a .toml file.")] = None,
    results: Results = RESULTS,
    backend: Annotated[str, typer.Option(help="recorded (replay cassettes).")] = "recorded",
    arms: Annotated[str | None, typer.Option(help="Only these arms, separated by commas.")] = None,
    models: Annotated[str | None, typer.Option(help="These models instead of the plan's, separated by commas.")] = None,
    seed: Seed = None,
    resume: Annotated[str | None, typer.Option(help="Go on with this interrupted run.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Measure a plan into the dataset, and print the run's id."""
    from dataclasses import asdict

    from harness.commands.measuring import campaign_again, campaign_for, cases_of, described, measure
    from harness.conductor.fault_run import FaultCampaign
    from harness.dataset.store import Store
    from harness.errors import UsageError

    if backend != "recorded":
        raise UsageError(f"--backend: expected recorded (the only backend of this version), got {backend!r}")
    if (plan is None) == (resume is None):
        raise UsageError("run: expected either a plan or --resume RUN, got " + ("neither" if plan is None else "both"))
    if resume is not None and (arms or models or seed is not None):
        raise UsageError("run: --resume goes on with the run's own plan and seed; remove --arms, --models and --seed")
    manifest = Store(results).manifest(resume) if resume else None
    campaign = campaign_again(manifest) if manifest else campaign_for(plan or "", seed, arms, models)
    if dry_run:
        print_json(described(campaign))
        return
    result = measure(campaign, results, manifest)
    if as_json:
        document = asdict(result.manifest)
        document["started_at"], document["finished_at"] = str(document["started_at"]), str(document["finished_at"])
        cases = cases_of(Store(results), result.manifest.run_id) if isinstance(campaign, FaultCampaign) else {}
        print_json({**document, "failed_calls": len(result.failures)} | cases | {"schema_version": 1})
    else:
        print(result.manifest.run_id)
