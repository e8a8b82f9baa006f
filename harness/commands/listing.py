"""``harness list``: what there is."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from harness.commands.options import RESULTS, AsJson, Results, print_json


def command(
    what: Annotated[str, typer.Argument(help="arms, plans, metrics or runs.")],
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """List arms, plans, metrics or runs."""
    from harness.errors import UsageError

    kinds = {"arms": _arms, "plans": _plans, "metrics": _metrics}
    if what == "runs":
        rows = _runs(results)
    elif what in kinds:
        rows = kinds[what]()
    else:
        raise UsageError(f"list: expected one of arms, plans, metrics, runs, got {what!r}")
    if as_json:
        print_json({what: rows})
        return
    for row in rows:
        print("  ".join(str(value) for value in row.values() if value is not None))


def _arms() -> list[dict[str, Any]]:
    from harness.clients import CLIENTS, client_named
    from harness.conductor.block import installed

    rows = []
    for name in CLIENTS:
        facts = client_named(name).FACTS
        version = installed(facts.distribution) if facts.distribution else "built in"
        stack = ", ".join(
            f"{mode}: {library} {installed(library)}"
            for mode, library in (("sync", facts.sync_http), ("async", facts.async_http))
        )
        rows.append({"arm": name, "label": facts.label, "version": version, "http": stack})
    return rows


def _plans() -> list[dict[str, Any]]:
    from harness.places import benchmarks_dir
    from harness.plan import load_plan, plan_names

    folder = benchmarks_dir() / "plans"
    return [
        {"plan": name, "description": load_plan(folder / f"{name}.toml").plan.description}
        for name in plan_names(folder)
    ]


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
