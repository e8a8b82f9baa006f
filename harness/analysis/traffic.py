"""Owns the step from aggregated rows to ``Traffic``: bytes and connections per arm and cell.

The aggregation over attempts is the store's (``Store.traffic``): attempts are too many to hold. Pure;
called by ``analyse``.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from harness.analysis.audits import Traffic
from harness.analysis.blocks import ArmBlocks


def traffic(frame: pd.DataFrame, arms: Sequence[ArmBlocks]) -> tuple[Traffic, ...]:
    """One value per arm in the order of ``arms``; an arm whose calls never reached the wire has none."""
    carried = frame[frame["connections"] > 0]
    rows = {(row["run_id"], row["cell_id"], row["arm"]): row for row in carried.to_dict("records")}
    found = []
    for arm in arms:
        row = rows.get((arm.cell.run_id, arm.cell.cell_id, arm.arm))
        if row is not None:
            found.append(
                Traffic(
                    cell=arm.cell,
                    arm=arm.arm,
                    calls=int(row["calls"]),
                    request_bytes_p50=float(row["request_bytes_p50"]),
                    response_bytes_p50=float(row["response_bytes_p50"]),
                    connections=int(row["connections"]),
                    reuse=float(row["reuse"]),
                )
            )
    return tuple(found)
