"""Owns the stage: findings in, settings out; and the document beside the page. Called by ``commands``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from harness import atomic
from harness.analysis.findings import Findings
from harness.recommend.aim import Aim
from harness.recommend.exports import json as document
from harness.recommend.rules import RULES
from harness.recommend.setting import Setting

FILE_NAME = "recommendations.json"
DEFAULT_RATE = 0.001


def recommend(findings: Findings, aim: Aim | None = None) -> tuple[Setting, ...]:
    """Apply every rule, in order, to one false timeout in a thousand and the calls' own budgets, or to another aim."""
    aim = aim or Aim.of(DEFAULT_RATE, None)
    return tuple(setting for rule in RULES for setting in rule(findings, aim))


def write_recommendations(settings: Iterable[Setting], out_dir: Path, run_ids: Sequence[str]) -> Path:
    """Write ``recommendations.json`` into ``out_dir``, whole or not at all, and return its path. Raises DataError."""
    path = out_dir / FILE_NAME
    atomic.write_file(path, document.export(settings, run_ids).encode(), out_dir)
    return path
