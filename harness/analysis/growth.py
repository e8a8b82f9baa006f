"""Owns how overhead grows with size: which cells lie along an axis, and per arm the slope over their sizes.

An axis (``kilobytes`` of answer, ``chunks``, ``messages``, ``tools``) and the sizes along it come from what a run's
manifest says of its cassettes. Cells along an axis are here and in no comparison. Called by ``analyse``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness import arms as arm_names
from harness.analysis.audits import Growth, GrowthPoint
from harness.analysis.blocks import ArmBlocks
from harness.analysis.intervals import hodges_lehmann
from harness.analysis.keys import CellKey
from harness.analysis.provenance import cassettes
from harness.analysis.significance import Floats
from harness.record import Manifest
from harness.vocabulary import Operation

AXES = ("kilobytes", "chunks", "messages", "tools")
"""What a size may count, in the order in which a reader meets it."""

_Series = Mapping[float, ArmBlocks]
"""One arm along one axis: its blocks at each size."""


def is_grown(cell: CellKey, manifests: Sequence[Manifest]) -> bool:
    """Whether this cell is one size along an axis. Raises DataError on a damaged list of cassettes."""
    return _place(cell, manifests) is not None


def growth(arms: Sequence[ArmBlocks], manifests: Sequence[Manifest]) -> tuple[Growth, ...]:
    """Per run, provider, model, mode, axis and arm (controls too) the slope of overhead over size, in seconds per unit.

    Per block that has every size, the least-squares slope of the block's median overhead over size; over those blocks
    Hodges–Lehmann with the exact interval (None below six). Least squares weighs a size by its squared distance from
    the mean, so over 1, 20 and 200 the slope is practically the step to the largest: the cost of a unit *in large
    requests*. ``linearity`` says how far the smaller sizes agree; the same leverage makes it a coarse check.
    ``slope_over_base`` is the slope of the per-block differences to the native SDK, over the sizes that both have.

    An arm with fewer than two sizes, or no block that has them all, is left out. The order is that of ``arms``.
    """
    found: list[Growth] = []
    for (condition, axis), present in _along_axes(arms, manifests).items():
        found += (grown for arm in present if (grown := _grown(condition, axis, arm, present)) is not None)
    return tuple(found)


def _place(cell: CellKey, manifests: Sequence[Manifest]) -> tuple[str, float] | None:
    """The axis that a cell lies on and its size there, from its run's manifest."""
    wanted = (cell.provider, cell.model, cell.workload, cell.operation, cell.stream)
    for manifest in manifests:
        for facts in cassettes(manifest) if manifest.run_id == cell.run_id else ():
            operation = facts.get("operation", Operation.CHAT.value)
            named = (facts.get("provider"), facts.get("model"), facts.get("workload"), operation, facts.get("stream"))
            axis = facts.get("axis")
            if named == wanted and axis in AXES and facts.get(axis) is not None:
                return str(axis), float(facts[axis])
    return None


def _along_axes(
    arms: Sequence[ArmBlocks], manifests: Sequence[Manifest]
) -> dict[tuple[CellKey, str], dict[str, _Series]]:
    """The series of every arm by what its sizes have in common (a cell without its workload) and the axis."""
    places = {cell: _place(cell, manifests) for cell in dict.fromkeys(arm.cell for arm in arms)}
    found: dict[tuple[CellKey, str], dict[str, dict[float, ArmBlocks]]] = {}
    for arm in arms:
        place = places[arm.cell]
        if place is not None and arm.blocks:
            axis, size = place
            condition = replace(arm.cell, cell_id="", workload="", origin="")
            found.setdefault((condition, axis), {}).setdefault(arm.arm, {})[size] = arm
    return {key: {arm: dict(sorted(series.items())) for arm, series in group.items()} for key, group in found.items()}


def _grown(condition: CellKey, axis: str, arm: str, present: Mapping[str, _Series]) -> Growth | None:
    series = present[arm]
    blocks = _complete_blocks(series)
    if len(series) < 2 or not blocks:
        return None
    slopes = _slopes(series, blocks)
    points = tuple(_point(size, side, blocks) for size, side in series.items())
    base = next(
        (name for name in arm_names.foundations(arm, frozenset(present)) if arm_names.role(name) == "sdk"), None
    )
    side = next(iter(series.values()))
    return Growth(
        run_id=condition.run_id,
        provider=condition.provider,
        model=condition.model,
        mode=condition.mode,
        load=condition.load,
        axis=axis,
        arm=arm,
        client=f"{side.client} {side.client_version}",
        http_library=f"{side.http_library} {side.http_library_version}",
        blocks=len(blocks),
        points=points,
        slope=hodges_lehmann(slopes),
        slope_median_s=float(np.median(slopes)),
        linearity=_linearity(points),
        base=base,
        slope_over_base=None if base is None else hodges_lehmann(_slope_differences(series, present[base])),
    )


def _complete_blocks(*series: _Series) -> tuple[int, ...]:
    """Numbers of the blocks that have every size of every one of these series, ascending."""
    sides = [frozenset(side.blocks) for one in series for side in one.values()]
    return tuple(sorted(frozenset.intersection(*sides))) if sides else ()


def _medians(series: _Series, blocks: Sequence[int]) -> Floats:
    """Blocks × sizes: the blocks' median overheads in seconds."""
    return np.array([[side.blocks[block].overhead_p50_s for side in series.values()] for block in blocks])


def _slopes(series: _Series, blocks: Sequence[int]) -> Floats:
    """The least-squares slope of each block, seconds per unit of the axis."""
    return _least_squares(np.array(list(series)), _medians(series, blocks))


def _least_squares(sizes: Floats, overheads: Floats) -> Floats:
    """Slopes of the rows of ``overheads`` over ``sizes`` (at least two distinct)."""
    centred = sizes - sizes.mean()
    slopes: Floats = overheads @ centred / (centred @ centred)
    return slopes


def _slope_differences(series: _Series, base: _Series) -> Floats:
    """Arm minus base, per block that both completed at every size that both have; empty where fewer than two sizes."""
    shared = [size for size in series if size in base]
    ours, theirs = {size: series[size] for size in shared}, {size: base[size] for size in shared}
    blocks = _complete_blocks(ours, theirs)
    if len(shared) < 2 or not blocks:
        return np.empty(0)
    return _slopes(ours, blocks) - _slopes(theirs, blocks)


def _point(size: float, side: ArmBlocks, blocks: Sequence[int]) -> GrowthPoint:
    own = [side.blocks[block] for block in blocks]
    return GrowthPoint(size, float(np.median([b.overhead_p50_s for b in own])), sum(b.calls for b in own))


def _linearity(points: Sequence[GrowthPoint]) -> float | None:
    """R² of the least-squares line through the points; None with two points, or where all are equal."""
    sizes = np.array([point.size for point in points])
    overheads = np.array([point.overhead_p50_s for point in points])
    spread = overheads - overheads.mean()
    if len(points) < 3 or not spread.any():
        return None
    (slope,) = _least_squares(sizes, overheads[np.newaxis])
    left = spread - slope * (sizes - sizes.mean())
    return float(1 - left @ left / (spread @ spread))
