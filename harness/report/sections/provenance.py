"""Where the numbers come from: runs, versions, HTTP stacks, environment, and how to make them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.findings import Findings, RunSummary
from harness.report import format as fmt
from harness.report import words
from harness.report.material import Material
from harness.report.palette import role

TITLE = "Provenance"


@dataclass(frozen=True, slots=True)
class Stack:
    """What one arm ran on."""

    arm: str
    role: str
    client: str
    sync: str
    asynchronous: str


@dataclass(frozen=True, slots=True)
class Run:
    """One run; ``facts`` and ``environment`` are (label, value)."""

    label: str
    run_id: str
    facts: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    reproduce: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    runs: tuple[Run, ...]
    stacks: tuple[Stack, ...]
    calls: str


def context(material: Material) -> Context:
    """One entry per run, one line per arm."""
    findings = material.findings
    used = _used(findings)
    arms = dict.fromkeys(one.arm for one in used)
    return Context(
        runs=tuple(_run(run, material.run(run.run_id)) for run in findings.runs),
        stacks=tuple(_stack(arm, [one for one in used if one.arm == arm]) for arm in arms),
        calls=fmt.count(findings.calls_total),
    )


def _run(run: RunSummary, label: str) -> Run:
    complete = "complete" if run.is_complete else "interrupted"
    pressured = ", ".join(str(block) for block in run.pressured_blocks) or "none"
    facts = (
        ("Started", fmt.plain(run.started_at)),
        ("Duration", fmt.span(run.duration_s)),
        ("Plan", f"{fmt.plain(run.plan_name)} (SHA-256 {fmt.plain(run.plan_sha256)[:16]}…)"),
        ("Seed", str(run.seed)),
        ("Backend", fmt.plain(run.backend)),
        ("Blocks", f"{run.blocks_done} of {run.blocks_planned}, {complete}"),
        ("Blocks under pressure", pressured),
        ("Harness", f"{fmt.plain(run.harness_version)}, schema {run.schema_version}"),
        ("Commit", fmt.NONE if run.git_commit is None else fmt.plain(run.git_commit)),
    )
    environment = tuple((fmt.plain(label), fmt.plain(value)) for label, value in run.environment)
    return Run(
        label.capitalize() or "Run",
        fmt.plain(run.run_id),
        facts,
        environment,
        f"harness bench --plan {fmt.plain(run.plan_name)} --seed {run.seed}",
    )


@dataclass(frozen=True, slots=True)
class _Used:
    """What one arm ran on in one mode."""

    arm: str
    mode: str
    client: str
    library: str


def _used(findings: Findings) -> list[_Used]:
    """Of every arm: an arm of a run along axes alone has no summary, but a slope."""
    described = [
        _Used(s.arm, s.cell.mode, f"{s.client} {s.client_version}", f"{s.http_library} {s.http_library_version}")
        for s in findings.summaries
    ]
    return described + [_Used(g.arm, g.mode, g.client, g.http_library) for g in findings.growth]


def _stack(arm: str, used: Sequence[_Used]) -> Stack:
    return Stack(
        arm=words.arm_name(arm),
        role=role(arm),
        client="; ".join(dict.fromkeys(fmt.plain(one.client) for one in used)),
        sync=_libraries(used, "sync"),
        asynchronous=_libraries(used, "async"),
    )


def _libraries(used: Sequence[_Used], mode: str) -> str:
    found = (one.library for one in used if one.mode == mode)
    return "; ".join(dict.fromkeys(fmt.plain(name) for name in found)) or fmt.NONE
