"""``harness run``: measure only; prints the run id."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import RESULTS, AsJson, DryRun, LiveOptions, Results, Seed, print_json


def command(
    plan: Annotated[str | None, typer.Argument(help="A plan's name or a path to a .toml file.")] = None,
    results: Results = RESULTS,
    backend: Annotated[str, typer.Option(help="recorded (cassettes answer) or live (providers do).")] = "recorded",
    live: Annotated[
        bool, typer.Option("--live", help="Short for --backend live: real calls, which cost money.")
    ] = False,
    upstream: Annotated[
        list[str] | None, typer.Option(help="Live: PROVIDER=URL in place of the provider's own; may be repeated.")
    ] = None,
    upstream_ca: Annotated[
        Path | None, typer.Option(help="Live: authorities to trust instead of the system's.")
    ] = None,
    record: Annotated[Path | None, typer.Option(help="Live: write what passes as cassettes into this folder.")] = None,
    max_cost: Annotated[
        float | None, typer.Option(min=0, metavar="USD", help="Live: stop before more than this is spent.")
    ] = None,
    per_minute: Annotated[
        float | None, typer.Option(min=0.1, help="Live: ask each provider at most so many times a minute.")
    ] = None,
    arms: Annotated[str | None, typer.Option(help="Only these arms, separated by commas.")] = None,
    models: Annotated[str | None, typer.Option(help="These models instead of the plan's, separated by commas.")] = None,
    seed: Seed = None,
    resume: Annotated[str | None, typer.Option(help="Go on with this interrupted run.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Measure a plan into the dataset, and print the run's id."""
    from dataclasses import asdict

    from harness.commands.measuring import campaign_again, campaign_for, cases_of, described, made_live, measure
    from harness.conductor.fault_run import FaultCampaign
    from harness.dataset.store import Store
    from harness.errors import UsageError

    if backend not in ("recorded", "live"):
        raise UsageError(f"--backend: expected recorded or live, got {backend!r}")
    options = LiveOptions(tuple(upstream or ()), upstream_ca, record, max_cost, per_minute)
    is_live = live or backend == "live"
    if not is_live and options != LiveOptions():
        raise UsageError(
            "run: --upstream, --upstream-ca, --record, --max-cost and --per-minute belong to --live; add it"
        )
    if (plan is None) == (resume is None):
        raise UsageError("run: expected either a plan or --resume RUN, got " + ("neither" if plan is None else "both"))
    if resume is not None and (arms or models or seed is not None):
        raise UsageError("run: --resume goes on with the run's own plan and seed; remove --arms, --models and --seed")
    manifest = Store(results).manifest(resume) if resume else None
    campaign = campaign_again(manifest) if manifest else campaign_for(plan or "", seed, arms, models)
    if manifest is not None and (manifest.backend == "live") != is_live:
        raise UsageError(
            f"resume: {resume} is a {manifest.backend} run; "
            + ("add --live and the options it was started with" if manifest.backend == "live" else "remove --live")
        )
    if is_live:
        campaign = made_live(campaign, options, needs_keys=not dry_run)
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
