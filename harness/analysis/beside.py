"""Owns ``Beside``: the frames that stand beside calls and cold rows. Filled by ``analyse.findings_from``; no logic."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, slots=True)
class Beside:
    """Rows of ``requests``, ``first_calls`` and ``faults``, and ``Store.traffic``; None where they were not read."""

    requests: pd.DataFrame | None = None
    traffic: pd.DataFrame | None = None
    first_calls: pd.DataFrame | None = None
    faults: pd.DataFrame | None = None
