"""Owns the one line that ``harness bench`` prints: the page's headline, for a terminal. Called by ``commands``."""

from __future__ import annotations

from harness.analysis.findings import Comparison, Findings, Verdict
from harness.report import words


def headline_line(findings: Findings) -> str:
    """LiteLLM's cost per call over the SDK, per colour, whole answers of the first model; never more than was found."""
    whole = [one for one in findings.headline.comparisons if not one.cell.stream]
    chosen = {one.cell.mode: one for one in reversed(whole or list(findings.headline.comparisons))}
    if not chosen:
        return "This run holds no comparison of LiteLLM with a native SDK."
    first = next(iter(chosen.values()))
    clauses = "; ".join(_clause(chosen[mode]) for mode in sorted(chosen, reverse=True))
    return f"LiteLLM over the {words.arm_name(first.base)}, per {findings.headline.load} call: {clauses}"


def _clause(comparison: Comparison) -> str:
    claim = "" if comparison.verdict in (Verdict.SLOWER, Verdict.FASTER) else f", {words.said(comparison).label}"
    return f"{comparison.cell.mode} {words.effect(comparison)} ({words.sample(comparison)}{claim})"
