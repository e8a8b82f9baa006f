"""Measures importing: rows per second and peak memory of ``harness import csv``, beside DuckDB copying the same file to
Parquet with nothing checked, and pandas doing it.

Run as ``python benchmarks/imports.py [--rows N] [--json]``. Each contender is a process of its own; they take turns.
Importing this file measures nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROWS = 10_000_000
ROUNDS = 2
_WRITE = """
copy (
    select
        'r' || i as request_id, timestamptz '2026-11-01 00:00:00+00' + to_seconds(i % 1500000) as timestamp,
        'openai' as provider, if(i % 3 = 0, 'gpt-5-mini', 'gpt-4o-mini') as model, i % 2 = 0 as stream,
        300 as max_tokens,
        round(exp(0.5 * sqrt(-2 * ln(random() + 1e-12)) * cos(6.2831853 * random())) * 2, 6) as total_s,
        if(i % 2 = 0, 0.4, null) as ttft_s, 120 as completion_tokens, i % 500 <> 7 as ok,
        if(i % 500 = 7, '429: slow down', null) as error
    from range({rows}) t(i)
) to '{path}' (header, delimiter ',')
"""
_DUCKDB = """
import duckdb, sys
con = duckdb.connect()
con.sql("set memory_limit = '400MB'")
con.sql(f"copy (from read_csv('{sys.argv[1]}')) to '{sys.argv[2]}/copy.parquet' (compression zstd)")
"""
_PANDAS = """
import pandas as pd, sys
pd.read_csv(sys.argv[1]).to_parquet(f"{sys.argv[2]}/pandas.parquet", compression="zstd")
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One contender in one round."""

    contender: str
    rows: int
    seconds: float
    rows_per_s: float
    peak_mib: float


def measure(contender: str, command: list[str], rows: int) -> Result:
    """Run a command to its end, and how much memory it held at most."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    if status:
        raise SystemExit(f"{contender}: ended with status {status}")
    return Result(contender, rows, round(seconds, 2), round(rows / seconds), round(usage.ru_maxrss / 1024, 1))


def main() -> None:
    """Write the file, let the contenders take turns, print what came of it."""
    import duckdb

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory(prefix="llm-call-bench-imports-") as folder:
        path = Path(folder) / "calls.csv"
        duckdb.connect().sql(_WRITE.format(rows=arguments.rows, path=path))
        for turn in range(ROUNDS):
            contenders = {
                "harness import": [
                    sys.executable,
                    "-m",
                    "harness",
                    "import",
                    "csv",
                    str(path),
                    "--results",
                    f"{folder}/{turn}",
                ],
                "duckdb copy": [sys.executable, "-c", _DUCKDB, str(path), folder],
                "pandas": [sys.executable, "-c", _PANDAS, str(path), folder],
            }
            found += [measure(name, command, arguments.rows) for name, command in contenders.items()]
        megabytes = path.stat().st_size / 1e6
    if arguments.json:
        print(
            json.dumps({"schema_version": 1, "csv_mb": round(megabytes), "results": [asdict(each) for each in found]})
        )
        return
    print(f"{arguments.rows:,} rows, {megabytes:,.0f} MB of CSV")
    for each in found:
        print(f"{each.contender:15s} {each.seconds:7.1f} s {each.rows_per_s:10,.0f} rows/s  {each.peak_mib:7.0f} MiB")


if __name__ == "__main__":
    main()
