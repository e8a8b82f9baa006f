"""Reads out of a run of the plan ``watching`` what ``harness.guard`` and ``harness.collect`` add, and keeps it.

harness run watching --results DIR && python -m benchmarks.watching DIR [--keep results]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.keeping import keep
from harness.analysis.analyse import findings_from
from harness.analysis.findings import Comparison
from harness.dataset.store import Store

BOUNDS_S = {"openai-guarded": 50e-6, "openai-collected": 100e-6}


def main() -> None:
    """Print every difference from the plain client, and keep those of whole answers as lines."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    store = Store(arguments.results)
    runs = [manifest.run_id for manifest in store.manifests() if manifest.plan_name == "watching"][-1:]
    found = [c for c in findings_from(store, runs).comparisons if c.metric == "overhead" and c.base == "openai"]
    for comparison in found:
        print(f"{comparison.cell.cell_id:45} {comparison.arm:18} {shown(comparison)}")
    for arm, bound_s in BOUNDS_S.items():
        whole = [c for c in found if c.arm == arm and not c.cell.stream and c.difference is not None]
        if arguments.keep and whole:
            keep(
                arguments.keep,
                f"Added to a whole call by {arm.partition('-')[2]}",
                "; ".join(f"{c.cell.mode} {c.cell.load} {shown(c)}" for c in whole),
                f"≤ {bound_s * 1e6:.0f} µs",
                {c.cell.cell_id: c.block_differences_s for c in whole},
                passed=all(c.difference is not None and c.difference.estimate <= bound_s for c in whole),
            )


def shown(comparison: Comparison) -> str:
    """The difference in µs with its interval, and the cell's own A/A bound."""
    interval = comparison.difference
    if interval is None:
        return "no interval below 6 blocks"
    floor = "" if comparison.noise_floor_s is None else f", A/A bound {comparison.noise_floor_s * 1e6:.0f}"
    return f"{interval.estimate * 1e6:+.0f} µs [{interval.low * 1e6:+.0f}, {interval.high * 1e6:+.0f}]{floor}"


if __name__ == "__main__":
    main()
