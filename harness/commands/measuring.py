"""Owns what ``bench`` and ``run`` share: from command-line words to a campaign, its dry run, and the measuring."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from harness.commands.options import LiveOptions
from harness.conductor.fault_run import FaultCampaign, run_faults
from harness.conductor.forecast import forecast
from harness.conductor.live import KEY_NAMES, live_to
from harness.conductor.progress import shown
from harness.conductor.run import Campaign, RunResult, run
from harness.dataset.store import Store
from harness.door import parse_toml, read_text, validate
from harness.errors import HarnessError, UsageError
from harness.fault_plan import FaultPlan, FaultPlanFile, fault_plan_text, plan_kind, read_fault_plan
from harness.places import benchmarks_dir
from harness.plan import Plan, PlanFile, arms_of, cells_of, load_plan, plan_path, plan_text
from harness.record import Manifest
from harness.replay.tapping import parse_named

AnyCampaign = Campaign | FaultCampaign


def campaign_for(plan: str, seed: int | None = None, arms: str | None = None, models: str | None = None) -> AnyCampaign:
    """Build the campaign that a plan and the narrowing options describe. Raises UsageError."""
    benchmarks = benchmarks_dir()
    path = plan_path(plan, benchmarks / "plans")
    text = read_text(path, "plan")
    if plan_kind(text, path) != "calls":
        faults = _narrowed_faults(read_fault_plan(text, path), arms, models)
        return FaultCampaign(faults, faults.plan.seed if seed is None else seed, benchmarks)
    narrowed = _narrowed(load_plan(path), arms, models)
    return Campaign(
        narrowed,
        arms_of(narrowed.plan),
        cells_of(narrowed.plan),
        narrowed.plan.seed if seed is None else seed,
        benchmarks,
    )


def campaign_again(manifest: Manifest) -> AnyCampaign:
    """Build the campaign of an interrupted run from its manifest. Raises UsageError when it is complete."""
    if manifest.is_complete:
        raise UsageError(f"resume: {manifest.run_id} is complete ({manifest.blocks_done} blocks); start a new run")
    path = Path(f"{manifest.run_id} (its plan)")
    if plan_kind(manifest.plan_text, path) != "calls":
        return FaultCampaign(read_fault_plan(manifest.plan_text, path), manifest.seed, benchmarks_dir())
    plan = validate(Plan, parse_toml(manifest.plan_text, path), str(path))
    file = PlanFile(plan, manifest.plan_text, path)
    return Campaign(file, arms_of(plan), cells_of(plan), manifest.seed, benchmarks_dir())


def made_live(campaign: AnyCampaign, options: LiveOptions, *, needs_keys: bool) -> Campaign:
    """The campaign with its providers instead of cassettes. Raises UsageError for what cannot be measured live, and
    BackendError for a missing key.
    """
    if isinstance(campaign, FaultCampaign):
        raise UsageError("--live: expected a plan of calls, got one of faults; providers do not fail on demand")
    pacing = [arm.name for arm in campaign.arms if arm.pace or arm.injected_ns]
    if pacing:
        raise UsageError(f"--live: expected plain arms, got {pacing[0]}")
    told = dict(parse_named(text) for text in options.upstreams)
    live = live_to(
        (cell.provider for cell in campaign.cells),
        told,
        os.environ if needs_keys else dict.fromkeys(os.environ, "") | _NO_KEYS,
        authorities=options.authorities,
        record=options.record,
        max_cost_usd=options.max_cost_usd,
        per_minute=options.per_minute,
    )
    return replace(campaign, live=live)


_NO_KEYS = {name: "not-needed" for names in KEY_NAMES.values() for name in names}
"""For a dry run, which calls nobody."""


def second_plan(campaign: AnyCampaign) -> str:
    """The plan that is to be measured for the same page; empty for none."""
    return "" if isinstance(campaign, FaultCampaign) else campaign.plan.plan.also or ""


def measure(campaign: AnyCampaign, results: Path, resume: Manifest | None = None) -> RunResult:
    """Measure, with progress on standard error; a failed call is reported there, not hidden."""
    store = Store(results)
    with shown(campaign.cases if isinstance(campaign, FaultCampaign) else campaign.calls) as progress:
        try:
            if isinstance(campaign, FaultCampaign):
                result = run_faults(campaign, store, progress, resume)
            else:
                result = run(campaign, store, progress, resume)
        except (KeyboardInterrupt, HarnessError):
            kept = [m for m in store.manifests() if not m.is_complete][-1:]
            if kept:
                done = f"{kept[0].blocks_done} of {kept[0].blocks_planned}"
                progress.say(f"kept {done} blocks; go on with: harness run --resume {kept[0].run_id}")
            raise
    for failure in result.failures[:5]:
        print(f"failed call: {failure}", file=sys.stderr)
    if len(result.failures) > 5:
        print(f"… and {len(result.failures) - 5} more failed calls, all in the table `calls`", file=sys.stderr)
    return result


def described(campaign: AnyCampaign) -> dict[str, Any]:
    """What a dry run prints."""
    if isinstance(campaign, FaultCampaign):
        return _described_faults(campaign)
    plan = campaign.plan.plan
    expected = {} if campaign.live is None else {"live": asdict(forecast(campaign))}
    return {
        "plan": plan.name,
        "description": plan.description,
        "seed": campaign.seed,
        "blocks": plan.blocks,
        "warmup": plan.warmup,
        "arms": [arm.name for arm in campaign.arms],
        "cells": [{"cell_id": cell.cell_id, "calls": cell.calls, "pace": cell.pace} for cell in campaign.cells],
        "calls": campaign.calls,
        **expected,
    }


def cases_of(store: Store, run_id: str) -> dict[str, Any]:
    """The cases of a fault run, or the calls around its outages, as JSON-shaped rows, nulls as None."""
    tables = {"cases": store.faults([run_id]), "outage_calls": store.outages([run_id])}
    return {name: json.loads(rows.to_json(orient="records")) for name, rows in tables.items() if len(rows)}


def _described_faults(campaign: FaultCampaign) -> dict[str, Any]:
    plan, matrix = campaign.plan.plan, campaign.matrix
    return {
        "plan": plan.name,
        "description": plan.description,
        "seed": campaign.seed,
        "faults": list(matrix.scenarios),
        "settings": [str(setting) for setting in plan.settings],
        "groups": [str(group) for group in matrix.groups()],
        "cases": campaign.cases,
    }


def _narrowed_faults(file: FaultPlanFile, arms: str | None, models: str | None) -> FaultPlanFile:
    """As ``_narrowed``; a model is named with its provider, and stands in for the plan's one of that provider."""
    if arms is None and models is None:
        return file
    raw = parse_toml(file.text, file.path)
    if arms is not None:
        raw["arms"] = _words("arms", arms)
    if models is not None:
        pairs = [word.partition("/") for word in _words("models", models)]
        raw["models"] = {provider: model or raw["models"].get(provider, "") for provider, _, model in pairs}
    return read_fault_plan(fault_plan_text(validate(FaultPlan, raw, f"{file.path} (narrowed)")), file.path)


def _narrowed(file: PlanFile, arms: str | None, models: str | None) -> PlanFile:
    """The plan with fewer arms or models, as a plan text of its own, so that the manifest tells what was measured."""
    if arms is None and models is None:
        return file
    raw = parse_toml(file.text, file.path)
    if arms is not None:
        raw["arms"] = _words("arms", arms)
    if models is not None:
        raw["cells"] = _of_models(raw["cells"], _words("models", models))
    plan = validate(Plan, raw, f"{file.path} (narrowed)")
    return PlanFile(plan, plan_text(plan), file.path)


def _of_models(families: list[dict[str, Any]], wanted: list[str]) -> list[dict[str, Any]]:
    """The families that take one of the wanted models (``model``, or ``provider/model``), with only those.

    A family takes a model that it lists, and one that no family of the named provider lists: that one is new to the
    plan and stands in for the family's own.
    """
    named = [("", word) if "/" not in word else tuple(word.split("/", 1)) for word in wanted]

    def takes(family: dict[str, Any], provider: str, model: str) -> bool:
        if provider not in ("", family["provider"]):
            return False
        rivals = [other for other in families if provider in ("", other["provider"])]
        return model in family["models"] or not any(model in other["models"] for other in rivals)

    chosen = ((family, [m for provider, m in named if takes(family, provider, m)]) for family in families)
    return [{**family, "models": models} for family, models in chosen if models]


def _words(option: str, text: str) -> list[str]:
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise UsageError(f"--{option}: expected names separated by commas, got {text!r}")
    return words
