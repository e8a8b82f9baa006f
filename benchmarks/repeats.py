"""Compares the verdicts of a fault matrix that was measured several times: which cases flap, between what, and where.

Run as ``python benchmarks/repeats.py RESULTS RESULTS… [--keep RESULTS]``, a folder per measurement of the same plan
(``harness run faults --results …``). ``--keep`` writes what was found under ``self/`` of that folder. Importing this
file compares nothing.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from harness.dataset.self_tests import SelfTestRecord
from harness.dataset.store import Store

_REQUIRED = 0.95


def verdicts(results: Path) -> dict[str, str]:
    """Case → verdict, of every case in a folder's dataset."""
    import duckdb

    files = str(results / "dataset" / "faults" / "**" / "*.parquet")
    query = "select case_id, verdict::varchar from read_parquet($files, hive_partitioning = false)"
    return dict(duckdb.connect().sql(query, params={"files": files}).fetchall())


def main() -> None:
    """Compare, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    runs = [verdicts(folder) for folder in arguments.results]
    cases = sorted(set.intersection(*(set(run) for run in runs)))
    flapping = {case: sorted({run[case] for run in runs}) for case in cases if len({run[case] for run in runs}) > 1}
    kinds = Counter(" or ".join(found) for found in flapping.values())
    arms = Counter(case.split("/")[1] for case in flapping)
    for case, found in flapping.items():
        print(f"{case}: {' or '.join(found)}")
    said = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    where = ", ".join(f"{arm} {count}" for arm, count in arms.most_common(5))
    print(f"{len(flapping)} of {len(cases)} cases flap over {len(runs)} runs: {said}; by arm: {where}")
    if arguments.keep:
        agreeing = len(cases) - len(flapping)
        record = SelfTestRecord(
            name="Fault verdicts repeated",
            found=f"{agreeing:,} of {len(cases):,} cases had one verdict in {len(runs)} runs; {said}; by arm: {where}",
            required=f"≥ {_REQUIRED:.0%} the same, none hung in one run and well in another",
            passed=agreeing >= _REQUIRED * len(cases) and not any("hung" in kind for kind in kinds),
            measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
            details=json.dumps({"flapping": flapping}),
        )
        Store(arguments.keep).write_self_tests([record])


if __name__ == "__main__":
    main()
