"""Owns the comparisons of one run: per pair K block differences, their intervals, then floors, Holm and verdicts.

The bound of the cell's null arm is the floor under every claim. A family of Holm is one contrast (LiteLLM minus openai,
say, or openai async minus sync) over all cells of the run: m cells, one question.
Never pools runs. Called by ``analyse``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.analysis.blocks import ArmBlocks
from harness.analysis.doubts import SCREENING_BELOW, Surroundings, comparison_doubts
from harness.analysis.findings import CellKey, Comparison, Interval, Verdict
from harness.analysis.intervals import hodges_lehmann, ratio_interval, student_t
from harness.analysis.metrics import OVERHEAD
from harness.analysis.pairs import Pair, arm_pairs, mode_pairs
from harness.analysis.percentiles import is_carried
from harness.analysis.power import minimum_detectable
from harness.analysis.pressure import pressured_blocks
from harness.analysis.significance import Floats, holm, signed_rank_p
from harness.analysis.verdicts import ALPHA, verdict
from harness.record import BlockPressure


@dataclass(frozen=True, slots=True)
class Compared:
    """All comparisons of one run: ``arms`` within cells (nulls included), ``modes`` async minus sync."""

    arms: tuple[Comparison, ...]
    modes: tuple[Comparison, ...]


Differing = frozenset[tuple[CellKey, frozenset[str]]]
"""The pairs of arms that asked for different things in a cell (``sameness.asked_differently``)."""


def compare(
    arms: Sequence[ArmBlocks], pressure: tuple[BlockPressure, ...], differing: Differing = frozenset()
) -> Compared:
    """Compare the arms of one run. ``arms`` must all be of that run, in the order in which to report them."""
    within, across = arm_pairs(arms), mode_pairs(arms)
    nulls = [_measure(pair, pressure) for pair in within if pair.is_null]
    adjusted_nulls = holm([null.p_value for null in nulls])
    grounds = _Grounds(
        pressure=pressure,
        floors=_floors(nulls),
        biased=frozenset(
            null.cell for null, p in zip(nulls, adjusted_nulls, strict=True) if p is not None and p < ALPHA
        ),
        differing=differing,
    )
    claims = iter(_conclude([pair for pair in within if not pair.is_null], grounds))
    controls = iter(_conclude([pair for pair in within if pair.is_null], grounds))
    arranged = tuple(next(controls if pair.is_null else claims) for pair in within)
    return Compared(arranged, _conclude(across, grounds))


@dataclass(frozen=True, slots=True)
class _Grounds:
    """What the null arms, the machine and the wire say about every comparison of a run."""

    pressure: tuple[BlockPressure, ...]
    floors: Mapping[CellKey, float]
    biased: frozenset[CellKey]
    differing: Differing

    def floor_s(self, pair: Pair) -> float | None:
        """The larger A/A bound of the cells that the pair touches; None where one of them has none."""
        bounds = [self.floors.get(side.cell) for side in (pair.base_side, pair.arm_side)]
        known = [bound for bound in bounds if bound is not None]
        return max(known) if len(known) == len(bounds) else None

    def is_biased(self, pair: Pair) -> bool:
        return not self.biased.isdisjoint({pair.base_side.cell, pair.arm_side.cell})

    def asked_differently(self, pair: Pair) -> bool:
        return (pair.cell, frozenset({pair.base, pair.arm})) in self.differing


def _conclude(family: Sequence[Pair], grounds: _Grounds) -> tuple[Comparison, ...]:
    measured = [_measure(pair, grounds.pressure) for pair in family]
    found = []
    for pair, comparison, (p_holm, tests) in zip(family, measured, _adjusted(measured), strict=True):
        floor_s = grounds.floor_s(pair)
        word = verdict(comparison.difference, comparison.t_interval, p_holm, floor_s, is_null=pair.is_null)
        judged = replace(comparison, p_holm=p_holm, noise_floor_s=floor_s, verdict=word)
        around = Surroundings(grounds.pressure, tests, grounds.is_biased(pair), grounds.asked_differently(pair))
        found.append(replace(judged, doubts=comparison_doubts(judged, pair, around)))
    return tuple(found)


def _adjusted(measured: Sequence[Comparison]) -> list[tuple[float | None, int]]:
    """Holm's p and the number of tests of the family, for each comparison: its contrast over all cells."""
    found: list[tuple[float | None, int]] = [(None, 0)] * len(measured)
    contrasts = [(comparison.base, comparison.arm) for comparison in measured]
    for contrast in dict.fromkeys(contrasts):
        members = [index for index, other in enumerate(contrasts) if other == contrast]
        adjusted = holm([measured[index].p_value for index in members])
        tests = sum(p is not None for p in adjusted)
        for index, p_holm in zip(members, adjusted, strict=True):
            found[index] = (p_holm, tests)
    return found


def _floors(nulls: Iterable[Comparison]) -> dict[CellKey, float]:
    floors: dict[CellKey, float] = {}
    for null in nulls:
        if null.difference is not None:
            bound = max(abs(null.difference.low), abs(null.difference.high))
            floors[null.cell] = max(bound, floors.get(null.cell, 0.0))
    return floors


def _measure(pair: Pair, pressure: Iterable[BlockPressure]) -> Comparison:
    base, arm = pair.sides()
    p50_base, p50_arm = np.array([b.overhead_p50_s for b in base]), np.array([b.overhead_p50_s for b in arm])
    differences = p50_arm - p50_base
    difference = hodges_lehmann(differences)
    has_interval = difference is not None
    return Comparison(
        metric=OVERHEAD.name,
        cell=pair.cell,
        base=pair.base,
        arm=pair.arm,
        blocks=len(differences),
        calls_per_block=min(block.calls for block in (*base, *arm)),
        median_difference_s=float(np.median(differences)),
        difference=difference,
        t_interval=student_t(differences) if has_interval else None,
        ratio=ratio_interval(p50_arm, p50_base),
        p95_difference=_p95_difference(pair),
        cpu_difference=hodges_lehmann([b.cpu_mean_s - a.cpu_mean_s for a, b in zip(base, arm, strict=True)]),
        without_pressured_blocks=_unpressured(pair, differences, pressured_blocks(pressure)),
        p_value=signed_rank_p(differences) if has_interval else None,
        p_holm=None,
        minimum_detectable_s=minimum_detectable(differences),
        noise_floor_s=None,
        is_null=pair.is_null,
        is_screening=len(differences) < SCREENING_BELOW,
        verdict=Verdict.NOT_ENOUGH_BLOCKS,
        block_differences_s=tuple(differences.tolist()),
        doubts=(),
    )


def _p95_difference(pair: Pair) -> Interval | None:
    base, arm = pair.sides()
    if not all(is_carried(0.95, sum(block.calls for block in side)) for side in (base, arm)):
        return None
    return hodges_lehmann([b.overhead_p95_s - a.overhead_p95_s for a, b in zip(base, arm, strict=True)])


def _unpressured(pair: Pair, differences: Floats, pressured: frozenset[int]) -> Interval | None:
    return hodges_lehmann(differences[[number not in pressured for number in pair.blocks]])
