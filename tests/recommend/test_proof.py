"""What a fault matrix proves for a recommendation: of the version that was measured, and of no other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.analysis.faults import fault_outcomes
from harness.analysis.findings import Findings
from harness.recommend.proof import proof_of
from harness.recommend.recommend import recommend
from harness.vocabulary import Mode
from tests.analysis.befallen import KILLED, a_case, frame
from tests.recommend.example import findings

HELD: dict[str, Any] = {"client_version": "1"}
DRIPPED: dict[str, Any] = HELD | KILLED | {"verdict": "hung", "findings": ("hung",)}


def befallen(*cases: Any) -> Findings:
    """The sound findings with these cases."""
    return replace(findings(), faults=fault_outcomes(frame(*cases)))


def why(found: Findings, name: str, **applies_to: str) -> str:
    """The reason of one setting."""
    return next(
        setting.why
        for setting in recommend(found)
        if setting.setting == name
        and all(getattr(setting.applies_to, key) == value for key, value in applies_to.items())
    )


def test_a_version_that_met_no_fault_proves_nothing() -> None:
    """Not even when its neighbour did."""
    assert proof_of(findings(), "openai") is None
    assert proof_of(befallen(a_case(arm="openai", client_version="0.9")), "openai") is None


def test_cases_are_counted_by_what_the_setting_asks() -> None:
    """Limits hold or not, the guard likewise, and the most that a call became."""
    found = befallen(
        a_case("drip", **DRIPPED),
        a_case("status-503", **HELD),
        a_case("drip", setting="guarded", **HELD),
        a_case("status-503", setting="retrying", retries_asked=2, attempts=5, **HELD),
        a_case("status-500", setting="retrying", retries_asked=2, attempts=3, **HELD),
    )
    proof = proof_of(found, "openai")
    assert proof is not None
    assert (proof.limited, proof.overran, proof.faults) == (2, 1, ("drip",))
    assert (proof.guarded, proof.guard_overran) == (1, 0)
    assert (proof.most_requests, proof.requests_asked) == (5, 3)
    assert proof.of_its_limit == "openai 1 overran 1 s in 1 of 2 cases (drip)"


def test_a_colour_is_proven_by_itself() -> None:
    """A sync case says nothing of async."""
    found = befallen(a_case("drip", mode="sync", **HELD))
    assert proof_of(found, "openai", Mode.ASYNC) is None
    assert proof_of(found, "openai", Mode.SYNC) is not None


def test_the_guard_says_what_was_seen_and_what_was_not() -> None:
    """The overrun with its fault, the guard's own record, and clients that are unclassified."""
    found = befallen(a_case("drip", **DRIPPED), a_case("drip", setting="guarded", **HELD))
    said = why(found, "wall_clock_guard", mode="sync")
    assert "openai 1 overran 1 s in 1 of 1 cases (drip)" in said
    assert "under the guard control came back in time in 1 of 1" in said
    assert "litellm unclassified: no fault was put to this version" in said
    assert "documented upstream" in why(findings(), "wall_clock_guard", mode="sync")


def test_requests_that_were_counted_replace_what_is_documented() -> None:
    """Five where three were asked for; a client that made no more is not accused."""
    retried = {"setting": "retrying", "retries_asked": 2}
    limited = a_case("status-503", "litellm", **HELD)
    found = befallen(limited, a_case("status-503", "litellm", attempts=5, **retried, **HELD))
    assert "litellm 1 made 5 where 3 were asked for" in why(found, "inner_retries", client="litellm")
    found = befallen(limited, a_case("status-503", "litellm", attempts=3, **retried, **HELD))
    assert "multiplies" not in why(found, "inner_retries", client="litellm")
    assert "documented upstream" in why(findings(), "inner_retries", client="litellm")
