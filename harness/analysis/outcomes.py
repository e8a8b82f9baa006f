"""Owns the shapes of what a fault matrix found, as parts of ``Findings``. No logic beyond their own fields.

Filled by ``faults``; read by ``report``.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.vocabulary import FaultVerdict


@dataclass(frozen=True, slots=True)
class FaultOutcome:
    """What became of one kind of case: a fault, an arm, a provider, a colour, a shape and a setting.

    The first repetition's facts; ``is_second``: the answer names another model than was asked for, as a chain's second
    link does; ``verdicts`` are those of every repetition, so that a case which flaps shows.
    ``duration_s`` is None where control did not come back within ``window_s``; ``last_attempt_s`` when the last request
    left, after the call's start.
    """

    run_id: str
    fault: str
    family: str
    arm: str
    client: str
    client_version: str
    provider: str
    mode: str
    stream: bool
    setting: str
    limit_s: float | None
    window_s: float
    retries_asked: int | None
    outcome: str
    duration_s: float | None
    error_kind: str | None
    error_class: str | None
    error_is_own: bool | None
    status: int | None
    finish_reason: str | None
    is_true_answer: bool | None
    is_second: bool
    attempts: int | None
    last_attempt_s: float | None
    verdict: str
    findings: tuple[str, ...]
    verdicts: tuple[str, ...]

    @property
    def failed_over(self) -> bool:
        """Whether a chain's answer is the second link's: another provider's model, and the true answer."""
        return self.is_second and self.is_true_answer is True

    @property
    def overran(self) -> bool:
        """Whether control was not back by the limit, or not at all."""
        return not {FaultVerdict.HUNG, FaultVerdict.LATE}.isdisjoint(self.findings)

    @property
    def flaps(self) -> bool:
        """Whether its repetitions disagree."""
        return len(set(self.verdicts)) > 1


@dataclass(frozen=True, slots=True)
class Unclassified:
    """A call path whose calls were measured at a version that met no fault; ``known`` are versions of it that did."""

    arm: str
    version: str
    known: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RetryFacts:
    """What one call becomes when every request fails, for an arm, a provider, a colour and a setting.

    Of whole answers. ``requests`` and ``wall_s`` under a status 503 to every request; ``promised_s`` the worst case
    computed from the setting; ``waits_for_1_s`` whether a Retry-After of one second was waited for, ``sleeps_for_30_s``
    whether one of half a minute kept the call past its window. None where that case was not measured.

    ``longest_s`` and ``longest_under`` are the longest that any fault kept such a call, whole or streamed, and which;
    ``overran`` how many kinds of case kept it past the worst case, ``not_back`` past their window.
    """

    run_id: str
    arm: str
    provider: str
    mode: str
    setting: str
    retries_asked: int | None
    requests: int
    wall_s: float | None
    promised_s: float | None
    waits_for_1_s: bool | None
    sleeps_for_30_s: bool | None
    longest_s: float | None
    longest_under: str
    overran: int
    not_back: int


@dataclass(frozen=True, slots=True)
class OutageFacts:
    """What became of calls that kept arriving, one every ``every_s``, while every request failed for ``lasting_s``.

    ``calls``, ``requests`` and ``peak_per_s`` are those of the outage itself; ``requests`` include those to a chain's
    second link, which is well all the time and gave ``second_link`` of the ``succeeded`` answers. ``not_back``: calls
    still waiting when the process was ended. ``failed_after`` of ``calls_after`` arrived when it was over and failed
    all the same; ``well_again_s`` is when, after its end, the first call arrived from which on none failed.
    """

    run_id: str
    fault: str
    arm: str
    client_version: str
    provider: str
    mode: str
    stream: bool
    setting: str
    retries_asked: int | None
    lasting_s: float
    every_s: float
    calls: int
    requests: int
    peak_per_s: float
    succeeded: int
    second_link: int
    not_back: int
    slowest_s: float | None
    calls_after: int
    failed_after: int
    well_again_s: float | None

    @property
    def amplification(self) -> float:
        """Requests that the failing server and a chain's second link received per call."""
        return self.requests / self.calls


def is_other_model(asked: str, answered: str | None) -> bool:
    """Whether an answer names another model; a release may follow the name asked for, a provider go before it."""
    return answered is not None and not answered.rpartition("/")[2].startswith(asked)
