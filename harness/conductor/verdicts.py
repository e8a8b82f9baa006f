"""Owns the verdict on one case: what the wire and the clock say of a call, never the client's word. Pure.

Called by ``conductor.case_rows``. The order of ``FaultVerdict`` is the order of gravity; a case carries all that apply.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.fault import TIMEOUTS, Scenario
from harness.load.probe import Report
from harness.vocabulary import ErrorKind, FaultVerdict, way_of

LATE_S = 0.25
"""How far past its limit control may come back: a busy machine wakes threads late."""

EARLY = 0.9
"""From this share of its limit on, a timeout may be the limit's own doing whatever the fault is."""


@dataclass(frozen=True, slots=True)
class Wire:
    """What the backend saw of a call. ``attempts`` is None where the fault hides requests; offsets are ns after the
    call's start. ``is_open`` says that a connection with an unfinished answer was still open when the child reported,
    or when it was killed. ``pooled`` counts connections all of whose exchanges were finished: any of them may be kept
    for the next call, as the one connection of a healthy call is.
    """

    attempts: int | None
    offsets_ns: tuple[int, ...]
    closed_offset_ns: int | None
    is_open: bool
    pooled: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """What a healthy call of the same kind leaves behind: a pooled connection, a kept thread. More is a leak."""

    threads: int = 0
    descriptors: int = 1
    tasks: int = 0

    def or_more(self, report: Report) -> Left:
        """The same, or what this report has more of."""
        return Left(
            max(self.threads, report.threads_left),
            max(self.descriptors, report.descriptors_left),
            max(self.tasks, report.tasks_left or 0),
        )


def verdicts(
    scenario: Scenario, limit_s: float | None, allowed: int | None, report: Report | None, wire: Wire, healthy: Left
) -> tuple[FaultVerdict, ...]:
    """Every verdict that applies, gravest first; empty when the call held. ``report`` is None for a killed call.

    ``allowed`` is how many requests the setting asks for at most; None where it leaves that to the client.
    """
    found = _of_killed(scenario, wire) if report is None else _of_report(scenario, limit_s, report)
    if allowed is not None and wire.attempts is not None and wire.attempts > allowed:
        found.add(FaultVerdict.MULTIPLIED)
    if report is not None and (_left_more(report, healthy, wire) or wire.is_open):
        found.add(FaultVerdict.LEAKED)
    return tuple(verdict for verdict in FaultVerdict if verdict in found)


def _of_killed(scenario: Scenario, wire: Wire) -> set[FaultVerdict]:
    """A call that waits for an answer hangs; one whose requests have all ended sleeps, or goes on trying. Where the
    wire shows no requests the fault itself tells whether it keeps a client waiting.
    """
    is_waiting = wire.is_open if wire.attempts is not None else not scenario.expected.ends
    return {FaultVerdict.HUNG if is_waiting else FaultVerdict.LATE}


def _of_report(scenario: Scenario, limit_s: float | None, report: Report) -> set[FaultVerdict]:
    found: set[FaultVerdict] = set()
    took_s = (report.finished_ns - report.started_ns) / 1e9
    if limit_s is not None and took_s > limit_s + LATE_S:
        found.add(FaultVerdict.LATE)
    if report.error_kind is None:
        if not report.is_true_answer or scenario.expected.answer == "never":
            found.add(FaultVerdict.WRONG_SUCCESS)
    elif not _sends_the_right_way(scenario, limit_s, took_s, report.error_kind):
        found.add(FaultVerdict.MISCLASSIFIED)
    return found


def _sends_the_right_way(scenario: Scenario, limit_s: float | None, took_s: float, kind: str) -> bool:
    is_limit = limit_s is not None and took_s >= EARLY * limit_s and kind in TIMEOUTS
    return is_limit or way_of(ErrorKind(kind)) in {way_of(expected) for expected in scenario.expected.kinds}


def _left_more(report: Report, healthy: Left, wire: Wire) -> bool:
    return (
        report.threads_left > healthy.threads
        or report.descriptors_left > healthy.descriptors + max(wire.pooled - 1, 0)
        or (report.tasks_left or 0) > healthy.tasks
    )
