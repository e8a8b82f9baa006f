"""Owns what a warm process pays to turn to another model: its first call there beside its very first and a typical one.

Pure; called by ``analyse``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import pandas as pd

from harness.analysis.audits import Switch
from harness.analysis.blocks import ArmBlocks
from harness.analysis.findings import CellKey
from harness.analysis.frames import NS_PER_S, by_arm
from harness.vocabulary import Mode, Outcome

_PROCESS = ["run_id", "arm", "mode", "repeat"]


@dataclass(frozen=True, slots=True)
class _Kind:
    """Turns of one kind are repeats of each other, a process each."""

    arm: str
    source: CellKey
    target: CellKey
    shares_client: bool


@dataclass(frozen=True, slots=True)
class _First:
    """The first call of one process in one cell."""

    arm: str
    cell: CellKey
    shares_client: bool
    took_s: float


_Turn = tuple[_Kind, float, float]
"""What was turned, the process's very first call, its first call to the new model (seconds)."""


def switches(first_calls: pd.DataFrame | None, calls: pd.DataFrame, arms: Sequence[ArmBlocks]) -> tuple[Switch, ...]:
    """Per arm and mode every turn to a model that the process had not called, in the order of ``arms``.

    Only runs in which some cells share a client count: elsewhere another model means another client, a cold start.
    """
    if first_calls is None or first_calls.empty:
        return ()
    shared = first_calls["shares_client"].astype(bool) & (first_calls["position"] > 0)
    rows = first_calls[first_calls["run_id"].isin(first_calls.loc[shared, "run_id"].unique())]
    cells = {(arm.cell.run_id, arm.cell.cell_id): arm.cell for arm in arms}
    kinds: dict[_Kind, list[_Turn]] = {}
    for process in _processes(rows, cells):
        for turn in _turns(process):
            kinds.setdefault(turn[0], []).append(turn)
    typical_s = _typical_s(calls)
    places = {(arm.cell.run_id, arm.arm): place for place, arm in reversed(list(enumerate(arms)))}
    found = [switch for kind, turns in kinds.items() for switch in _switch(kind, turns, typical_s)]
    return tuple(sorted(found, key=lambda s: (places[s.run_id, s.arm], s.mode != Mode.SYNC, s.from_model, s.to_model)))


def _processes(rows: pd.DataFrame, cells: Mapping[tuple[str, str], CellKey]) -> Iterator[list[_First]]:
    """The first calls of each process, in the order made."""
    for _, process in rows.sort_values("position").groupby(_PROCESS, observed=True, sort=True):
        yield [
            _First(
                arm=str(row["arm"]),
                cell=cells[str(row["run_id"]), str(row["cell_id"])],
                shares_client=bool(row["shares_client"]),
                took_s=row["first_call_ns"] / NS_PER_S,
            )
            for row in process.to_dict("records")
        ]


def _turns(process: Sequence[_First]) -> Iterator[_Turn]:
    seen = {process[0].cell.model}
    for before, now in pairwise(process):
        if now.cell.model not in seen:
            yield _Kind(now.arm, before.cell, now.cell, now.shares_client), process[0].took_s, now.took_s
        seen.add(now.cell.model)


def _switch(kind: _Kind, turns: Sequence[_Turn], typical_s: Mapping[tuple[str, str, str], float]) -> Iterator[Switch]:
    """Nothing where no call of the target cell succeeded: there is no typical one."""
    run_id = kind.target.run_id
    typical = typical_s.get((run_id, kind.target.cell_id, kind.arm))
    if typical is not None:
        yield Switch(
            run_id=run_id,
            arm=kind.arm,
            mode=kind.target.mode,
            from_model=kind.source.model,
            to_model=kind.target.model,
            repeats=len(turns),
            shares_client=kind.shares_client,
            process_first_s=_spread([process_s for _, process_s, _ in turns]),
            model_first_s=_spread([model_s for _, _, model_s in turns]),
            typical_s=typical,
        )


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    return float(median(values)), min(values), max(values)


def _typical_s(calls: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    answered = calls[calls["outcome"] == Outcome.OK.value]
    return {key: float(group["duration_ns"].median() / NS_PER_S) for key, group in by_arm(answered).items()}
