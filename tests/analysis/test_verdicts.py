"""Every verdict, reached by the rule that its documentation states."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from harness.analysis.findings import Interval, Verdict
from harness.analysis.verdicts import verdict

ABOVE = Interval(10e-6, 8e-6, 12e-6, 0.95, "")
BELOW = Interval(-10e-6, -12e-6, -8e-6, 0.95, "")
ACROSS = Interval(1e-6, -2e-6, 4e-6, 0.95, "")


@dataclass(frozen=True, slots=True)
class Judged:
    """What a verdict is asked about; the default is as clear as a difference can be."""

    exact: Interval | None = ABOVE
    cross_check: Interval | None = ABOVE
    p_holm: float | None = 0.01
    floor_s: float | None = 2e-6
    is_null: bool = False

    @property
    def word(self) -> Verdict:
        return verdict(self.exact, self.cross_check, self.p_holm, self.floor_s, is_null=self.is_null)


RULES: dict[str, tuple[Judged, Verdict]] = {
    "above zero by both methods, Holm and floor": (Judged(), Verdict.SLOWER),
    "below zero likewise": (Judged(BELOW, BELOW), Verdict.FASTER),
    "no interval": (Judged(exact=None), Verdict.NOT_ENOUGH_BLOCKS),
    "both cover zero": (Judged(ACROSS, ACROSS), Verdict.NO_DIFFERENCE),
    "both cover zero and nothing holds it": (Judged(ACROSS, ACROSS, 1.0, None), Verdict.NO_DIFFERENCE),
    "only the exact interval excludes zero": (Judged(ABOVE, ACROSS), Verdict.INCONCLUSIVE),
    "only the cross-check excludes zero": (Judged(ACROSS, ABOVE), Verdict.INCONCLUSIVE),
    "the methods exclude zero on opposite sides": (Judged(ABOVE, BELOW), Verdict.INCONCLUSIVE),
    "no cross-check": (Judged(cross_check=None), Verdict.INCONCLUSIVE),
    "no floor to hold it against": (Judged(floor_s=None), Verdict.INCONCLUSIVE),
    "within the floor": (Judged(floor_s=11e-6), Verdict.BELOW_NOISE),
    "exactly the floor": (Judged(floor_s=10e-6), Verdict.BELOW_NOISE),
    "faster, within the floor": (Judged(BELOW, BELOW, floor_s=11e-6), Verdict.BELOW_NOISE),
    "within the floor and withdrawn": (Judged(floor_s=11e-6, p_holm=0.2), Verdict.BELOW_NOISE),
    "Holm withdraws": (Judged(p_holm=0.0501), Verdict.INCONCLUSIVE),
    "Holm just lets it stand": (Judged(p_holm=0.05), Verdict.SLOWER),
    "no test": (Judged(p_holm=None), Verdict.INCONCLUSIVE),
    "a null arm needs no floor": (Judged(floor_s=None, is_null=True), Verdict.SLOWER),
    "a null arm is not held against itself": (Judged(BELOW, BELOW, floor_s=12e-6, is_null=True), Verdict.FASTER),
    "a null arm as it should be": (Judged(ACROSS, ACROSS, 1.0, 4e-6, is_null=True), Verdict.NO_DIFFERENCE),
}


@pytest.mark.parametrize(("judged", "word"), RULES.values(), ids=RULES)
def test_a_difference_is_judged_by_the_first_rule_that_holds(judged: Judged, word: Verdict) -> None:
    """No interval; disagreement; zero covered; no floor; within the floor; Holm; the sign."""
    assert judged.word is word


def test_the_rules_above_reach_every_verdict() -> None:
    """A new word without a rule fails here."""
    assert {word for _, word in RULES.values()} == set(Verdict)
