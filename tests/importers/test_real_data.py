"""Measurements that others made, where they are at hand: read right, and refused where they say too little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.analysis.analyse import findings_from
from harness.dataset.store import Store
from harness.importers import import_files
from harness.recommend.aim import Aim
from harness.recommend.rules.waits import waits
from harness.vocabulary import Grade

LLMPERF = Path(__file__).parents[3] / "shared" / "data" / "llmperf-leaderboard.csv.gz"

pytestmark = pytest.mark.skipif(not LLMPERF.exists(), reason=f"{LLMPERF.name} is not at hand")


def test_the_leaderboards_traps_are_not_stepped_into(store: Store) -> None:
    """429s are not fast calls, two hangs do not become a limit of 100 s, and no day is known."""
    (found,) = import_files(store, "llmperf", [LLMPERF], None, lambda rows: None)
    assert found.imported == 2845
    findings = findings_from(store, [found.run_id])
    observed = {(each.condition.provider, each.condition.model): each for each in findings.observed}
    lepton = observed["lepton", "llama2-13b"]
    assert (lepton.calls, lepton.rejected, len(lepton.total_s)) == (150, 130, 20)
    settings = list(waits(findings, Aim.of(0.05, None)))
    of_lepton = [s for s in settings if s.applies_to.provider == "lepton"]
    assert {s.grade for s in of_lepton} == {Grade.INSUFFICIENT_DATA}
    together = "together_ai/togethercomputer/llama-2-13b-chat"
    first = next(s for s in settings if (s.setting, s.applies_to.model) == ("first_chunk_timeout", together))
    assert first.grade is Grade.PROVISIONAL
    assert isinstance(first.value, float)
    assert first.value < 10
    assert "2 hung" in first.why
    gaps = [s for s in settings if s.setting == "inter_chunk_timeout"]
    assert all(s.value is None for s in gaps)
    assert not any(s.grade is Grade.CERTIFIED for s in settings)


def test_limits_hold_on_splits_of_the_leaderboard(store: Store) -> None:
    """Half of a cell's calls calibrate, the other half is cut off no more often than it should: 200 splits a cell."""
    from harness.analysis.limits.order import bound_rank

    (found,) = import_files(store, "llmperf", [LLMPERF], None, lambda rows: None)
    rng = np.random.default_rng(1)
    above = cells = 0
    for each in findings_from(store, [found.run_id]).observed:
        seconds = each.total_s[~each.is_cut]
        if len(seconds) < 140:
            continue
        half = len(seconds) // 2
        rank = bound_rank(half, 0.05)
        assert rank is not None
        shares = []
        for _ in range(200):
            drawn = rng.permutation(seconds)
            shares.append(float(np.mean(drawn[half:] > np.sort(drawn[:half])[rank - 1])))
        cells += 1
        above += float(np.mean(shares)) > 0.05
    assert cells >= 15
    assert above <= 0.05 * cells + 1
