"""Owns where the project's shipped data is: ``benchmarks/``.

Called by ``commands``, ``conductor`` and ``calibration``.
"""

from __future__ import annotations

from pathlib import Path

from harness.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent


def benchmarks_dir() -> Path:
    """``benchmarks/`` of the working directory, else of the checkout that the package runs from. Raises UsageError."""
    for candidate in (Path.cwd() / "benchmarks", ROOT / "benchmarks"):
        if (candidate / "plans").is_dir():
            return candidate
    raise UsageError(
        f"benchmarks: expected a folder with plans in {Path.cwd()} or {ROOT}, got none; run from a checkout"
    )
