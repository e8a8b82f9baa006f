"""Owns the judgement of the self-test measurements: pure functions from rows and blocks to records with their bounds.

Called by ``calibration.measure``. The bounds are the project's own requirements, not tunable by the caller.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import combinations

import pandas as pd

from harness.analysis.blocks import ArmBlocks
from harness.analysis.findings import Interval
from harness.analysis.intervals import clopper_pearson, excludes_zero, hodges_lehmann
from harness.calibration.campaigns import BASE, DELAYED, INJECTED, INJECTED_NS, NULL, Copies
from harness.dataset.self_tests import SelfTestRecord
from harness.vocabulary import Load

MAX_FALSE_POSITIVES = 0.07
INJECTED_TOLERANCE_S = 10e-6
MAX_HOT_HALF_WIDTH_S = 20e-6
ENOUGH_CALLS = 20_000
MAX_EARLY_NS = 20_000
MAX_PACING_P99_NS = 50_000
BAND_NS = (35_000_000, 60_000_000)


def false_positives(arms: Sequence[ArmBlocks], copies: Copies, measured_at: str) -> SelfTestRecord:
    """Every pair of copies in every cell, in disjoint groups of blocks: how often does the interval exclude zero?

    Pairs of one group share processes, so the experiments are not independent; the rate is unbiased all the same.
    """
    found = [excludes_zero(interval) != 0 for interval in _experiments(arms, copies.group)]
    rate, spread = sum(found) / len(found), clopper_pearson(sum(found), len(found))
    return _record(
        f"A/A false positives ({copies.client})",
        f"{rate:.1%} ({sum(found)} of {len(found)} experiments, K = {copies.group}, n = {copies.calls})",
        f"≤ {MAX_FALSE_POSITIVES:.0%} at a nominal 5 %",
        rate <= MAX_FALSE_POSITIVES,
        measured_at,
        {
            "experiments": len(found),
            "false_positives": sum(found),
            "rate": rate,
            "rate_low": spread.low,
            "rate_high": spread.high,
            "blocks_per_experiment": copies.group,
            "calls_per_block": copies.calls,
            "copies": copies.copies,
            "client": copies.client,
        },
    )


def _experiments(arms: Sequence[ArmBlocks], group: int) -> list[Interval]:
    cells: dict[str, list[ArmBlocks]] = {}
    for arm in arms:
        cells.setdefault(arm.cell.cell_id, []).append(arm)
    found = []
    for members in cells.values():
        numbers = sorted(members[0].blocks)
        groups = [numbers[start : start + group] for start in range(0, len(numbers) - group + 1, group)]
        for first, second in combinations(members, 2):
            for blocks in groups:
                differences = [second.blocks[b].overhead_p50_s - first.blocks[b].overhead_p50_s for b in blocks]
                interval = hodges_lehmann(differences)
                assert interval is not None, "a group has at least ten blocks"
                found.append(interval)
    return found


def planted_effects(arms: Sequence[ArmBlocks], measured_at: str) -> list[SelfTestRecord]:
    """The busy-wait must be found, the slower service must not, and two equal arms must not differ."""
    hot, paced = _differences(arms, Load.HOT), _differences(arms, Load.PACED)
    floor_s = max(abs(paced[NULL].low), abs(paced[NULL].high))
    return [
        _injected(hot[INJECTED], measured_at),
        _half_width(hot[NULL], measured_at),
        _server_delay(paced[DELAYED], floor_s, measured_at),
    ]


def _differences(arms: Sequence[ArmBlocks], load: Load) -> Mapping[str, Interval]:
    here = {arm.arm: arm.blocks for arm in arms if arm.cell.load == load}
    found = {}
    for name in here.keys() - {BASE}:
        interval = hodges_lehmann(
            [here[name][b].overhead_p50_s - here[BASE][b].overhead_p50_s for b in sorted(here[BASE])]
        )
        assert interval is not None, "the planted campaign has at least six blocks"
        found[name] = interval
    return found


def _injected(found: Interval, measured_at: str) -> SelfTestRecord:
    truth_s = INJECTED_NS / 1e9
    passed = abs(found.estimate - truth_s) <= INJECTED_TOLERANCE_S and found.low <= truth_s <= found.high
    return _record(
        "50 µs injected",
        _microseconds(found),
        "50 ± 10 µs, interval covers 50 µs",
        passed,
        measured_at,
        {"injected_s": truth_s, "estimate_s": found.estimate, "low_s": found.low, "high_s": found.high},
    )


def _half_width(found: Interval, measured_at: str) -> SelfTestRecord:
    half_s = (found.high - found.low) / 2
    return _record(
        "Hot interval half-width",
        f"{half_s * 1e6:.1f} µs (openai against itself: {_microseconds(found)})",
        f"≤ {MAX_HOT_HALF_WIDTH_S * 1e6:.0f} µs at K = 20, n = 300",
        half_s <= MAX_HOT_HALF_WIDTH_S,
        measured_at,
        {"half_width_s": half_s, "estimate_s": found.estimate, "low_s": found.low, "high_s": found.high},
    )


def _server_delay(found: Interval, floor_s: float, measured_at: str) -> SelfTestRecord:
    passed = excludes_zero(found) == 0 or abs(found.estimate) <= floor_s
    return _record(
        "Server delay injected (20 → 25 ms)",
        f"overhead moved by {_microseconds(found)}",
        f"not at all, or within the A/A bound ({floor_s * 1e6:.1f} µs)",
        passed,
        measured_at,
        {"estimate_s": found.estimate, "low_s": found.low, "high_s": found.high, "noise_floor_s": floor_s},
    )


def invariants(calls: pd.DataFrame, measured_at: str) -> list[SelfTestRecord]:
    """Causality, the sum of the phases, and the delayed-ACK band, over every call of the self-test."""
    parts = calls[["pre_send_ns", "server_ns", "post_receive_ns"]]
    backwards = int((parts < 0).any(axis=1).sum())
    missing = int(parts.isna().any(axis=1).sum())
    unequal = int((parts.sum(axis=1) != calls["duration_ns"]).sum())
    in_band = int(calls["overhead_ns"].between(*BAND_NS).sum())
    n = len(calls)
    return [
        _record(
            "Causality",
            f"{backwards} violations in {n:,} calls, {unequal} whose parts do not sum to the duration",
            f"0 of ≥ {ENOUGH_CALLS:,}",
            backwards == missing == unequal == 0 and n >= ENOUGH_CALLS,
            measured_at,
            {"calls": n, "violations": backwards, "missing": missing, "unequal_sums": unequal},
        ),
        _record(
            "Delayed-ACK band (35–60 ms)",
            f"{in_band} of {n:,} calls",
            "≤ 1 in 10,000",
            in_band * 10_000 <= n,
            measured_at,
            {"calls": n, "in_band": in_band},
        ),
    ]


def pacing(attempts: pd.DataFrame, measured_at: str) -> SelfTestRecord:
    """Send errors (actual minus deadline) of every paced answer."""
    errors = attempts["pacing_error_ns"].explode().dropna().astype("int64")
    errors = errors[errors != 0]
    p50, p99 = int(errors.quantile(0.5)), int(errors.quantile(0.99))
    earliest = min(0, int(errors.min()))
    return _record(
        "Pacing",
        f"send error p50 {p50 / 1e3:.1f} µs, p99 {p99 / 1e3:.1f} µs, earliest {earliest / 1e3:.1f} µs, "
        f"n = {len(errors):,}",
        "p99 ≤ 50 µs, none early by > 20 µs",
        p99 <= MAX_PACING_P99_NS and -earliest <= MAX_EARLY_NS,
        measured_at,
        {"sends": len(errors), "p50_ns": p50, "p99_ns": p99, "max_ns": int(errors.max()), "earliest_ns": earliest},
    )


def _microseconds(found: Interval) -> str:
    return f"{found.estimate * 1e6:+.1f} µs [{found.low * 1e6:+.1f}, {found.high * 1e6:+.1f}]"


def _record(
    name: str, found: str, required: str, passed: bool, measured_at: str, details: Mapping[str, object]
) -> SelfTestRecord:
    return SelfTestRecord(name, found, required, bool(passed), measured_at, json.dumps(details))
