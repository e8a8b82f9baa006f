"""Owns the plan format (``benchmarks/plans/*.toml``) and its expansion into cells and arms.

A plan is data: which arms, which cells, how many blocks and calls. Validated here, trusted afterwards.
Called by ``conductor`` and ``commands``; must not know clients' code, sockets or statistics.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from harness import arms as arm_names
from harness.door import Strict, parse_toml, read_text, validate
from harness.errors import UsageError
from harness.vocabulary import NULL_SUFFIX, Load, Mode, Operation


class CellFamily(Strict):
    """A product of models × modes × streams under one load: the compact form of many cells."""

    provider: str
    models: tuple[str, ...] = Field(min_length=1, strict=False)
    workload: str
    modes: tuple[Annotated[Mode, Field(strict=False)], ...] = Field(min_length=1, strict=False)
    streams: tuple[bool, ...] = Field(min_length=1, strict=False)
    operation: Annotated[Operation, Field(strict=False)] = Operation.CHAT
    arms: tuple[str, ...] | None = Field(default=None, strict=False, description="of the plan's arms only these")
    shared_url: bool = Field(default=False, description="one URL for all models, so that a client is kept between them")
    load: Literal["hot", "paced"]
    calls: int = Field(ge=1, description="measured calls per arm, cell and block")
    service_s: float | None = Field(default=None, gt=0, le=10, description="paced only: cap of the answer's timeline")

    @model_validator(mode="after")
    def _load_and_service_agree(self) -> Self:
        if self.load == "paced" and self.service_s is None:
            raise ValueError(
                "expected service_s (seconds) for a paced load, got none; add for example service_s = 0.02"
            )
        if self.load == "hot" and self.service_s is not None:
            raise ValueError("expected no service_s for a hot load (its service time is 0); remove it")
        return self


class Plan(Strict):
    """What to measure. ``arms`` must contain a null arm: without an A/A control no difference may be claimed."""

    name: str = Field(pattern=r"^[a-z0-9_-]+$")
    description: str
    blocks: int = Field(ge=1, description="K, the number of sets of fresh processes")
    warmup: int = Field(ge=1, description="calls per (path, stream) before measuring")
    seed: int = 1
    environment: Literal["default", "latest"] = "default"
    stop_after_failures: int | None = Field(
        default=None, ge=1, description="live: so many failed calls of a provider in a row end the run"
    )
    tls: bool = Field(default=False, description="the backend serves TLS, and every client pays for it")
    together: bool = Field(
        default=False,
        description="arms of one path share a process, so that only what differs between them is compared",
    )
    also: str | None = Field(default=None, description="a second plan, by name, that bench measures for the same page")
    arms: tuple[str, ...] = Field(min_length=2, strict=False)
    cells: tuple[CellFamily, ...] = Field(min_length=1, strict=False)

    @model_validator(mode="after")
    def _arms_are_sound(self) -> Self:
        if len(set(self.arms)) != len(self.arms):
            raise ValueError(f"expected each arm once, got {list(self.arms)}")
        for arm in self.arms:
            _check_name(arm)
        for family in self.cells:
            for arm in family.arms or ():
                if arm not in self.arms:
                    raise ValueError(f"expected arms of a family among the plan's {list(self.arms)}, got {arm!r}")
        nulls = [arm for arm in self.arms if arm.endswith(NULL_SUFFIX)]
        if not nulls:
            raise ValueError(
                f"expected a null arm, got {list(self.arms)}; add for example '{self.arms[0]}{NULL_SUFFIX}' to arms"
            )
        for arm in nulls:
            if arm.removesuffix(NULL_SUFFIX) not in self.arms:
                raise ValueError(
                    f"expected arm '{arm.removesuffix(NULL_SUFFIX)}' beside its null arm '{arm}', got {list(self.arms)}"
                )
        if self.together:
            _check_together(self.arms)
        return self


def _check_together(arms: tuple[str, ...]) -> None:
    """Only what leaves the process as it is can share one. Raises ValueError."""
    for name, parts in ((arm, arm_names.parse(arm)) for arm in arms):
        changes_all = parts.bridge and not arm_names.BRIDGES[parts.bridge].is_local
        if changes_all or (parts.bridge == "collected" and arm_names.path_named(parts.path).client == "litellm"):
            raise ValueError(
                f"expected only arms that leave their process as it is where together = true, got {name!r}; "
                "remove it, or together"
            )


def _check_name(arm: str) -> None:
    try:
        arm_names.parse(arm)
    except UsageError as problem:
        raise ValueError(str(problem).removeprefix("arms: ")) from None


@dataclass(frozen=True, slots=True)
class Cell:
    """One comparable condition: provider × model × operation × mode × load × stream.

    Every arm runs in it that can (``arms`` narrows them; None: all of the plan's).
    """

    cell_id: str
    provider: str
    model: str
    workload: str
    mode: Mode
    stream: bool
    load: Load
    calls: int
    pace: str
    operation: Operation = Operation.CHAT
    arms: tuple[str, ...] | None = None
    shared_url: bool = False


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A validated plan with the text it came from (kept in the manifest)."""

    plan: Plan
    text: str
    path: Path

    @property
    def sha256(self) -> str:
        """Hash of the plan's text, hex."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def cells_of(plan: Plan) -> tuple[Cell, ...]:
    """Expand the families into cells, in file order. Raises UsageError where two families describe one cell."""
    cells = [cell for family in plan.cells for cell in _expand(family)]
    seen: set[str] = set()
    for cell in cells:
        if cell.cell_id in seen:
            raise UsageError(
                f"plan {plan.name}: cells: expected each cell once, got {cell.cell_id} twice; merge the families"
            )
        seen.add(cell.cell_id)
    return tuple(cells)


def _expand(family: CellFamily) -> Iterator[Cell]:
    pace = "none" if family.service_s is None else f"capped:{family.service_s:g}"
    load = Load(family.load)
    for model in family.models:
        for stream in family.streams:
            for mode in family.modes:
                yield Cell(
                    cell_id=_cell_id(family, model, mode, stream=stream),
                    provider=family.provider,
                    model=model,
                    workload=family.workload,
                    mode=mode,
                    stream=stream,
                    load=load,
                    calls=family.calls,
                    pace=pace,
                    operation=family.operation,
                    arms=family.arms,
                    shared_url=family.shared_url,
                )


def _cell_id(family: CellFamily, model: str, mode: Mode, *, stream: bool) -> str:
    """The condition as a path; the operation stands in it where it is not the plain chat."""
    operation = () if family.operation is Operation.CHAT else (family.operation.value,)
    shape = "stream" if stream else "whole"
    return "/".join((family.provider, model, *operation, family.workload, shape, mode.value, family.load))


def load_plan(path: Path) -> PlanFile:
    """Read and validate one plan file. Raises UsageError."""
    text = read_text(path, "plan")
    return PlanFile(validate(Plan, parse_toml(text, path), str(path)), text, path)


def plan_path(name_or_path: str, plans_dir: Path) -> Path:
    """Where a plan lies, by its name in ``plans_dir`` or by path. Raises UsageError listing the known names."""
    if name_or_path.endswith(".toml") or "/" in name_or_path:
        return Path(name_or_path)
    path = plans_dir / f"{name_or_path}.toml"
    if not path.is_file():
        raise UsageError(
            f"plan: expected one of {', '.join(plan_names(plans_dir)) or '(none found)'} or a path to a .toml file, "
            f"got {name_or_path!r}; see 'harness list plans'"
        )
    return path


def plan_names(plans_dir: Path) -> list[str]:
    """Names of the shipped plans, sorted."""
    return sorted(path.stem for path in plans_dir.glob("*.toml"))


@dataclass(frozen=True, slots=True)
class Arm:
    """One call path inside a cell. ``injected_ns`` and ``pace`` (of paced cells) plant known effects for self-tests.

    ``environment`` names the installed versions that its processes run with, ``bridge`` how they cross colours.
    """

    name: str
    path: str
    bridge: str = ""
    environment: str = "default"
    injected_ns: int = 0
    pace: str | None = None


def arms_of(plan: Plan) -> tuple[Arm, ...]:
    """The plan's arms; the null arm of a path is that path under another name."""
    named = [(name, arm_names.parse(name)) for name in plan.arms]
    return tuple(Arm(name, it.path, it.bridge, it.environment or plan.environment) for name, it in named)


def plan_text(plan: Plan) -> str:
    """A plan as TOML (its values are only strings, numbers, booleans and lists of them)."""
    raw = plan.model_dump(mode="json", exclude_none=True)
    families = raw.pop("cells")
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in raw.items()]
    for family in families:
        lines += [
            "",
            "[[cells]]",
            *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in family.items()),
        ]
    return "\n".join(lines) + "\n"
