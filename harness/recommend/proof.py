"""Owns what the fault matrix proves of one client, at the version whose calls were measured and at no other.

Must not decide what to recommend. Called by ``rules``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.findings import Findings
from harness.analysis.outcomes import FaultOutcome
from harness.vocabulary import FaultSetting, Mode

_NAMED = 3


@dataclass(frozen=True, slots=True)
class Proof:
    """Counts of one client's cases; ``faults`` are those under which its own limit did not hold, commonest first.

    ``most_requests`` is what one call became at worst where ``requests_asked`` were asked for; None where no case asks
    for retries.
    """

    client: str
    version: str
    limit_s: float
    limited: int
    overran: int
    faults: tuple[str, ...]
    guarded: int
    guard_overran: int
    most_requests: int | None
    requests_asked: int | None

    @property
    def of_its_limit(self) -> str:
        """What became of the client's own limit, as a clause."""
        who = f"{self.client} {self.version}"
        if not self.overran:
            return f"{who} kept {self.limit_s:g} s in all of {self.limited} cases"
        named = ", ".join(self.faults[:_NAMED]) + (", …" if len(self.faults) > _NAMED else "")
        return f"{who} overran {self.limit_s:g} s in {self.overran} of {self.limited} cases ({named})"


def proof_of(findings: Findings, client: str, mode: Mode | None = None) -> Proof | None:
    """What was proven of the client's plain path, in one colour or both; None where its version met no fault."""
    versions = {summary.client_version for summary in findings.summaries if summary.arm == client}
    cases = [
        each
        for each in findings.faults
        if each.arm == client and each.client_version in versions and mode in (None, each.mode)
    ]
    limited = [each for each in cases if each.setting == FaultSetting.LIMITED and each.limit_s is not None]
    if not limited:
        return None
    over = [each for each in limited if each.overran]
    guarded = [each for each in cases if each.setting == FaultSetting.GUARDED]
    retrying = [each for each in cases if each.retries_asked and each.attempts is not None]
    most = max(retrying, key=lambda each: each.attempts or 0, default=None)
    return Proof(
        client=client,
        version=limited[0].client_version,
        limit_s=limited[0].limit_s or 0.0,
        limited=len(limited),
        overran=len(over),
        faults=_commonest(over),
        guarded=len(guarded),
        guard_overran=sum(each.overran for each in guarded),
        most_requests=None if most is None else most.attempts,
        requests_asked=None if most is None else 1 + (most.retries_asked or 0),
    )


def _commonest(cases: Sequence[FaultOutcome]) -> tuple[str, ...]:
    return tuple(fault for fault, _ in Counter(each.fault for each in cases).most_common())
