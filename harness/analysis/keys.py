"""Owns the two values that every finding is made of: its condition, and an estimate with its interval."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval; ``method`` names the procedure, ``confidence`` the level attained."""

    estimate: float
    low: float
    high: float
    confidence: float
    method: str


@dataclass(frozen=True, slots=True)
class CellKey:
    """Which condition a number belongs to. Runs are never pooled, so the run is part of the key."""

    cell_id: str
    provider: str
    model: str
    workload: str
    mode: str
    stream: bool
    load: str
    backend: str
    origin: str
    run_id: str = ""
    operation: str = "chat"
