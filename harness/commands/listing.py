"""``harness list``: what there is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.commands.options import RESULTS, AsJson, Results, print_json

if TYPE_CHECKING:
    from harness.clients import ClientFacts


def command(
    what: Annotated[str, typer.Argument(help="arms, plans, faults, importers, metrics or runs.")],
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """List arms, plans, faults, importers, metrics or runs."""
    from harness.errors import UsageError

    kinds = {"arms": _arms, "plans": _plans, "faults": _faults, "importers": _importers, "metrics": _metrics}
    if what == "runs":
        rows = _runs(results)
    elif what in kinds:
        rows = kinds[what]()
    else:
        raise UsageError(f"list: expected one of arms, plans, faults, importers, metrics, runs, got {what!r}")
    if as_json:
        print_json({what: rows})
        return
    for row in rows:
        print("  ".join(str(value) for value in row.values() if value is not None and value is not True))


def _arms() -> list[dict[str, Any]]:
    from harness import arms
    from harness.conductor.environments import DEFAULT

    rows = [_arm(path.name, DEFAULT) for path in arms.PATHS]
    rows += [_arm(name, "latest") for name in ("openai", "litellm")]
    rows += [
        {"arm": f"<arm>-{name}", "label": bridge.meaning, "callers": ", ".join(bridge.callers)}
        for name, bridge in arms.BRIDGES.items()
    ]
    return [*rows, {"arm": "<arm>-null", "label": "the arm a second time in a process of its own: the A/A control"}]


def _arm(name: str, environment: str) -> dict[str, Any]:
    """One call path: version and HTTP stack in an environment, or the line that installs what it lacks."""
    from harness.arms import ArmName, label
    from harness.clients import client_named
    from harness.clients.installed import install_line
    from harness.conductor.environments import DEFAULT, lacking, version_in
    from harness.errors import UsageError

    facts = client_named(name).FACTS
    arm = str(ArmName(name, "" if environment == DEFAULT else environment))
    row: dict[str, Any] = {"arm": arm, "label": label(arm)}
    try:
        missing = lacking(facts, environment)
        if missing:
            return row | {"available": False, "unavailable": f"lacks {', '.join(missing)}: {install_line(facts)}"}
        version = version_in(environment, facts.distribution) if facts.distribution else "built in"
        stacks = [f"{mode}: {_stack(facts, mode, environment, version)}" for mode in facts.modes]
    except UsageError as problem:
        return row | {"available": False, "unavailable": str(problem)}
    return row | {
        "version": version,
        "http": "; ".join(stacks),
        "providers": ", ".join(facts.providers),
        "operations": ", ".join(facts.operations),
        "available": True,
    }


def _stack(facts: ClientFacts, mode: str, environment: str, version: str) -> str:
    """The HTTP libraries of one colour with their versions; where providers differ, each with its own."""
    from harness.conductor.environments import version_in

    by_provider = {provider: facts.http_library(mode, provider, version) for provider in facts.providers}
    libraries = dict.fromkeys(by_provider.values())
    named = [(library, [p for p, other in by_provider.items() if other == library]) for library in libraries]
    return ", ".join(
        f"{library} {version_in(environment, library)}" + (f" ({'/'.join(which)})" if len(named) > 1 else "")
        for library, which in named
    )


def _plans() -> list[dict[str, Any]]:
    from harness.fault_plan import load_fault_plan, plan_kind
    from harness.places import benchmarks_dir
    from harness.plan import load_plan, plan_names

    def described(path: Path) -> str:
        if plan_kind(path.read_text(encoding="utf-8"), path) != "calls":
            return load_fault_plan(path).plan.description
        return load_plan(path).plan.description

    folder = benchmarks_dir() / "plans"
    return [{"plan": name, "description": described(folder / f"{name}.toml")} for name in plan_names(folder)]


def _faults() -> list[dict[str, Any]]:
    from harness.fault import load_scenarios
    from harness.places import benchmarks_dir

    return [
        {"fault": scenario.name, "family": scenario.family, "description": scenario.description}
        for scenario in load_scenarios(benchmarks_dir() / "faults").values()
    ]


def _importers() -> list[dict[str, Any]]:
    from harness.importers import IMPORTERS, importer_named

    return [{"format": name, "description": importer_named(name).SUMMARY} for name in IMPORTERS]


def _metrics() -> list[dict[str, Any]]:
    from harness.analysis.metrics import METRICS

    return [{"metric": metric.name, "unit": metric.unit, "description": metric.description} for metric in METRICS]


def _runs(results: Any) -> list[dict[str, Any]]:
    from harness.dataset.store import Store

    return [
        {
            "run": manifest.run_id,
            "plan": manifest.plan_name,
            "blocks": f"{manifest.blocks_done}/{manifest.blocks_planned}",
            "state": "complete" if manifest.is_complete else "incomplete",
        }
        for manifest in Store(results).manifests()
    ]
