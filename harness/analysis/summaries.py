"""Owns the description of one arm in one cell (pooled over blocks) and of fresh processes. Claims no differences.

Called by ``analyse``.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from harness.analysis import metrics
from harness.analysis.blocks import ArmBlocks
from harness.analysis.findings import ArmSummary, ColdSummary
from harness.analysis.frames import ARM_KEYS, NS_PER_S, whole_ns
from harness.analysis.metrics import Metric
from harness.analysis.percentiles import ecdf_points, percentile


def summarise(arms: Iterable[ArmBlocks], measured: pd.DataFrame) -> tuple[ArmSummary, ...]:
    """One summary per arm that has a usable call, in the order given (``measured``: ``frames.with_metrics``).

    An arm without one has no median to show; its calls are still counted in ``Findings.calls_failed``.
    """
    groups = {
        tuple(str(part) for part in key): group for key, group in measured.groupby(ARM_KEYS, observed=True, sort=False)
    }
    found = ((arm, groups.get((arm.cell.run_id, arm.cell.cell_id, arm.arm))) for arm in arms)
    return tuple(_summary(arm, group) for arm, group in found if group is not None)


def _summary(arm: ArmBlocks, group: pd.DataFrame) -> ArmSummary:
    overhead = group[metrics.OVERHEAD.name].to_numpy(dtype=np.float64)
    return ArmSummary(
        cell=arm.cell,
        arm=arm.arm,
        client=arm.client,
        client_version=arm.client_version,
        http_library=arm.http_library,
        http_library_version=arm.http_library_version,
        calls=len(group),
        failed=arm.failed,
        censored=arm.censored,
        overhead_p50_s=_median(group, metrics.OVERHEAD),
        overhead_p95_s=percentile(overhead, 0.95),
        overhead_p99_s=percentile(overhead, 0.99),
        overhead_p999_s=percentile(overhead, 0.999),
        pre_send_p50_s=_median(group, metrics.PRE_SEND),
        post_receive_p50_s=_median(group, metrics.POST_RECEIVE),
        duration_p50_s=_median(group, metrics.DURATION),
        cpu_p50_s=_median(group, metrics.CPU),
        gc_mean_s=float(whole_ns(group[metrics.GC.name]).mean() / NS_PER_S),
        gc_max_s=float(group[metrics.GC.name].max()),
        first_chunk_p50_s=_median_if_any(group, metrics.FIRST_CHUNK),
        first_chunk_delivery_p50_s=_median_if_any(group, metrics.FIRST_CHUNK_DELIVERY),
        chunk_delivery_p50_s=_median_if_any(group, metrics.CHUNK_DELIVERY),
        tail_p50_s=_median_if_any(group, metrics.TAIL),
        chunks_p50=_median_if_any(group, metrics.CHUNKS),
        reported_overhead_p50_s=_median_if_any(group, metrics.REPORTED_OVERHEAD),
        attempts_per_call=arm.attempts / arm.calls,
        connection_reuse=arm.reused / arm.calls,
        ecdf_s=ecdf_points(overhead),
    )


def _median(group: pd.DataFrame, metric: Metric) -> float:
    return float(group[metric.name].median())


def _median_if_any(group: pd.DataFrame, metric: Metric) -> float | None:
    return _median(group, metric) if group[metric.name].notna().any() else None


def summarise_cold(cold: pd.DataFrame) -> tuple[ColdSummary, ...]:
    """Per run, arm and mode: (median, min, max) over its fresh processes, sorted by those keys."""
    grouped = cold.groupby(["run_id", "arm", "mode"], observed=True) if len(cold) else ()
    return tuple(sorted((_cold(key, group) for key, group in grouped), key=lambda c: (c.run_id, c.arm, c.mode)))


def _cold(key: tuple[object, ...], group: pd.DataFrame) -> ColdSummary:
    run_id, arm, mode = (str(part) for part in key)
    return ColdSummary(
        arm=arm,
        mode=mode,
        repeats=len(group),
        import_s=_spread_s(group["import_ns"]),
        first_call_s=_spread_s(group["first_call_ns"]),
        modules_loaded=int(group["modules_loaded"].median()),
        rss_import_bytes=int(group["rss_import_bytes"].median()),
        rss_after_bytes=int(group["rss_after_bytes"].median()),
        run_id=run_id,
    )


def _spread_s(durations_ns: pd.Series[int]) -> tuple[float, float, float]:
    in_s = durations_ns.astype("float64") / NS_PER_S
    return float(in_s.median()), float(in_s.min()), float(in_s.max())
