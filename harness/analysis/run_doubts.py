"""Owns the doubts of a whole run, from its rows and its manifest. Pure; called by ``analyse``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from harness.analysis.doubts import in_order
from harness.analysis.findings import Comparison, Doubt
from harness.analysis.frames import is_background, usable
from harness.analysis.pressure import PACING_ERROR_P99_NS, RUN_DELAY_SHARE, pressures, robbed, short_of_cpu
from harness.analysis.provenance import has_kernel_stamps
from harness.record import BlockPressure, Manifest
from harness.vocabulary import Origin, Outcome

DELAYED_ACK_NS = (35_000_000, 60_000_000)
DELAYED_ACK_SHARE = 0.001


def run_doubts(
    calls: pd.DataFrame, manifests: Sequence[Manifest], comparisons: Iterable[Comparison]
) -> tuple[Doubt, ...]:
    """Every doubt about the runs together: from the rows, the manifests, and the comparisons that are not nulls."""
    found = {*_of_rows(calls), *(doubt for c in comparisons if not c.is_null for doubt in c.doubts)}
    for manifest in manifests:
        found.update(_of_manifest(manifest, calls[calls["run_id"] == manifest.run_id]))
    return in_order(found)


def causality_violations(calls: pd.DataFrame) -> int:
    """Calls in which a cause was stamped after its effect: t0 ≤ t1 ≤ t2 ≤ t3 does not hold."""
    phases = calls[["pre_send_ns", "server_ns", "post_receive_ns"]].astype("float64")
    return int((phases < 0).any(axis=1).sum())


def failed_calls(calls: pd.DataFrame) -> int:
    """Calls whose outcome is not ok, background jobs aside.

    How a job ends is its workload's: some are made to fail, to be cancelled or to be created too late. ``jobs`` counts
    those endings, and no doubt follows from them.
    """
    return int(((calls["outcome"] != Outcome.OK.value) & ~is_background(calls)).sum())


def repeated_calls(calls: pd.DataFrame) -> int:
    """Calls that made more than one request, background jobs aside: creating and asking are requests of one call."""
    return int(((calls["attempts"] > 1) & ~is_background(calls)).sum())


def delayed_ack_share(calls: pd.DataFrame) -> float:
    """Share of the usable whole answers whose overhead lies in the delayed-acknowledgement band, 35–60 ms.

    Streams are left out: their overhead adds up over chunks and reaches that band honestly.
    """
    measured = usable(calls)
    overhead = measured.loc[~measured["request_stream"].astype(bool), "overhead_ns"].astype("float64")
    return float(overhead.between(*DELAYED_ACK_NS).mean()) if len(overhead) else 0.0


def _of_rows(calls: pd.DataFrame) -> Iterator[Doubt]:
    if causality_violations(calls):
        yield Doubt.CAUSALITY_VIOLATED
    if delayed_ack_share(calls) > DELAYED_ACK_SHARE:
        yield Doubt.DELAYED_ACK_BAND
    if failed_calls(calls):
        yield Doubt.FAILED_CALLS
    if repeated_calls(calls):
        yield Doubt.EXTRA_ATTEMPTS
    if (calls["origin"] == Origin.AUTHORED.value).any():
        yield Doubt.AUTHORED_LATENCIES


def _of_manifest(manifest: Manifest, calls: pd.DataFrame) -> Iterator[Doubt]:
    pressure = pressures(manifest)
    yield from (Doubt(word) for word in manifest.doubts if word in {doubt.value for doubt in Doubt})
    if not manifest.is_complete:
        yield Doubt.INCOMPLETE_RUN
    if not has_kernel_stamps(manifest):
        yield Doubt.NO_KERNEL_STAMPS
    if any(map(short_of_cpu, pressure)):
        yield Doubt.CPU_PRESSURE
    if any(map(robbed, pressure)):
        yield Doubt.STEAL
    if any(block.clock_steps for block in pressure):
        yield Doubt.CLOCK_STEPPED
    if any((block.pacing_error_p99_ns or 0) > PACING_ERROR_P99_NS for block in pressure):
        yield Doubt.PACING_ERROR
    if _backend_was_delayed(pressure, calls):
        yield Doubt.BACKEND_DELAYED


def _backend_was_delayed(pressure: Iterable[BlockPressure], calls: pd.DataFrame) -> bool:
    """In some block the backend waited for a core more than 5 % of the time that calls of the block were in flight."""
    in_flight_ns = calls.groupby("block")["duration_ns"].sum().to_dict()
    return any(
        (block.backend_run_delay_ns or 0) > RUN_DELAY_SHARE * in_flight_ns[block.block]
        for block in pressure
        if block.block in in_flight_ns
    )
