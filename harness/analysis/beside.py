"""Owns ``Beside``: the frames that stand beside calls and cold rows. Filled by ``analyse.findings_from``; no logic."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, slots=True)
class Beside:
    """Rows of ``requests``, ``first_calls``, ``faults``, ``outages``; ``Store.traffic``, ``Store.waits``; of live runs
    the rows of ``attempts``; None: not read.
    """

    requests: pd.DataFrame | None = None
    traffic: pd.DataFrame | None = None
    first_calls: pd.DataFrame | None = None
    faults: pd.DataFrame | None = None
    outages: pd.DataFrame | None = None
    waits: pd.DataFrame | None = None
    passed_on: pd.DataFrame | None = None

    @property
    def befallen(self) -> frozenset[str]:
        """Runs that measured faults or outages, or were imported, and may have no measured calls."""
        frames = (frame for frame in (self.faults, self.outages, self.waits) if frame is not None)
        return frozenset(str(run_id) for frame in frames for run_id in frame["run_id"].unique())
