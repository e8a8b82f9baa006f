"""Owns the format of a fault matrix's plan: which scenarios befall which call paths, under which settings.

A plan with a key ``faults`` is one of these; every other is a ``harness.plan.Plan``. Read by ``conductor``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from harness import arms as arm_names
from harness.door import Strict, parse_toml, read_text, validate
from harness.errors import UsageError
from harness.vocabulary import FaultSetting, Mode


class Outage(Strict):
    """A fault that lasts and then ends, and the calls that go on arriving: ``calls`` of them, one every ``every_s``."""

    lasting_s: int = Field(ge=1, le=3600)
    every_s: float = Field(ge=0.05, le=60)
    calls: int = Field(ge=2, le=10_000)

    @model_validator(mode="after")
    def _is_outlasted(self) -> Self:
        if self.every_s * (self.calls - 1) <= self.lasting_s:
            raise ValueError(
                f"expected calls to arrive past the outage of {self.lasting_s} s, got the last one after "
                f"{self.every_s * (self.calls - 1):g} s; raise calls"
            )
        return self


class FaultPlan(Strict):
    """What to befall. ``models`` names one model per provider; ``limit_s`` and ``retries`` are what the settings use.

    ``fallback`` is the provider among them that chains turn to. ``window_s`` is how long control is waited for;
    ``repeats`` how often each case is measured, to see what flaps. With ``outage`` a case is not one call but many,
    arriving in one process while the fault lasts and after.
    """

    name: str = Field(pattern=r"^[a-z0-9_-]+$")
    description: str
    faults: Literal["all", "representative"] | Annotated[tuple[str, ...], Field(strict=False)]
    settings: tuple[Annotated[FaultSetting, Field(strict=False)], ...] = Field(min_length=1, strict=False)
    arms: tuple[str, ...] = Field(min_length=1, strict=False)
    models: dict[str, str] = Field(min_length=1)
    fallback: str | None = None
    workload: str = "chat"
    modes: tuple[Annotated[Mode, Field(strict=False)], ...] = Field(min_length=1, strict=False)
    streams: tuple[bool, ...] = Field(min_length=1, strict=False)
    limit_s: float = Field(gt=0, le=60)
    retries: int = Field(ge=1, le=10)
    window_s: float = Field(gt=0, le=600)
    repeats: int = Field(default=1, ge=1, le=20)
    seed: int = 1
    outage: Outage | None = None

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        if self.window_s < 2 * self.limit_s:
            raise ValueError(
                f"expected window_s of at least 2 × limit_s = {2 * self.limit_s:g}, got {self.window_s:g}; "
                "a shorter one could not tell late from hung"
            )
        if len(set(self.arms)) != len(self.arms):
            raise ValueError(f"expected each arm once, got {list(self.arms)}")
        for arm in self.arms:
            _check(arm)
        if self.outage is not None and self.repeats > 1:
            raise ValueError(f"expected repeats = 1 with an outage, got {self.repeats}; run the plan again instead")
        if self.fallback is not None and self.fallback not in self.models:
            raise ValueError(
                f"expected fallback among the models' providers {list(self.models)}, got {self.fallback!r}"
            )
        if self.fallback is None and any(arm in arm_names.CHAINS for arm in self.arms):
            raise ValueError("expected fallback = a provider for chains to turn to, got none; add it")
        return self


def _check(arm: str) -> None:
    if arm in arm_names.MATRIX_ONLY:
        return
    try:
        parts = arm_names.parse(arm)
    except UsageError as problem:
        raise ValueError(str(problem).removeprefix("arms: ")) from None
    if parts.bridge or parts.is_null:
        raise ValueError(f"expected call paths without bridges and nulls in a fault matrix, got {arm!r}")


@dataclass(frozen=True, slots=True)
class FaultPlanFile:
    """A validated plan with the text it came from (kept in the manifest)."""

    plan: FaultPlan
    text: str
    path: Path

    @property
    def sha256(self) -> str:
        """Hash of the plan's text, hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


PlanKind = Literal["calls", "faults", "outage"]


def plan_kind(text: str, path: Path) -> PlanKind:
    """What a plan's text has measured: calls, a fault matrix, or calls around an outage. Raises UsageError when it is
    no TOML.
    """
    raw = parse_toml(text, path)
    return "calls" if "faults" not in raw else "outage" if "outage" in raw else "faults"


def read_fault_plan(text: str, path: Path) -> FaultPlanFile:
    """Validate a plan's text. Raises UsageError."""
    return FaultPlanFile(validate(FaultPlan, parse_toml(text, path), str(path)), text, path)


def load_fault_plan(path: Path) -> FaultPlanFile:
    """Read and validate one plan file. Raises UsageError."""
    return read_fault_plan(read_text(path, "plan"), path)


def fault_plan_text(plan: FaultPlan) -> str:
    """A plan as TOML (its values are only strings, numbers, lists of them, and tables of those)."""
    raw = plan.model_dump(mode="json", exclude_none=True)
    tables = {key: raw.pop(key) for key in ("models", "outage") if key in raw}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in raw.items()]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"
