"""Owns the join of what a child reported with what the backend's journal holds into rows: ``faults``, ``outages``.

Called by ``group_run``; the verdicts are those of ``verdicts``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.conductor.matrix import Case, Group, Matrix, limit_s, retries_asked, window_s, with_second_link
from harness.conductor.verdicts import Left, Wire, verdicts
from harness.load.probe import Report
from harness.record import FaultCase, OutageCall
from harness.replay.ledger import Ledger
from harness.vocabulary import FaultSetting, FaultVerdict

_KILLING_S = 0.1
"""How much before its window's end a call is looked at that its alarm then ends."""


@dataclass(slots=True)
class Watched:
    """One case: when its call began, and what was reported of it; no report means that it was killed."""

    case: Case
    started_ns: int | None = None
    report: Report | None = None


class CaseRows:
    """The rows of one group."""

    def __init__(self, matrix: Matrix, block: int, group: Group, ledger: Ledger) -> None:
        self._matrix, self._block, self._group, self._ledger = matrix, block, group, ledger

    def rows(self, watched: Sequence[Watched], versions: Mapping[str, str]) -> list[FaultCase]:
        """Rows, with the most that a call leaves behind under a setting when all is well as the measure of a leak."""
        healthy: dict[FaultSetting, Left] = {}
        for each in watched:
            if each.case.scenario.act is None and each.report is not None:
                healthy[each.case.setting] = healthy.get(each.case.setting, Left()).or_more(each.report)
        ordered = sorted(watched, key=lambda each: each.case.number)
        return [self._row(each, versions, healthy.get(each.case.setting, Left())) for each in ordered]

    def arrivals(self, watched: Sequence[Watched], versions: Mapping[str, str]) -> list[OutageCall]:
        """Rows of calls that arrived around outages."""
        ordered = sorted(watched, key=lambda each: each.case.number)
        first = {each.case.arrivals: _started_ns(each) for each in reversed(ordered)}
        return [self._arrival(each, versions, first[each.case.arrivals]) for each in ordered]

    def _arrival(self, each: Watched, versions: Mapping[str, str], first_ns: int) -> OutageCall:
        case, plan = each.case, self._matrix.plan
        assert plan.outage is not None
        wire = self._wire(each)
        return OutageCall(
            **self._shared(each, versions),
            outage_ns=plan.outage.lasting_s * 1_000_000_000,
            arrival=case.repeat,
            arrival_offset_ns=_started_ns(each) - first_ns,
            attempts=len(wire.offsets_ns),
            attempt_offsets_ns=wire.offsets_ns,
        )

    def _shared(self, each: Watched, versions: Mapping[str, str]) -> dict[str, Any]:
        """What a case and a call around an outage say alike: who called whom how, and what came of it."""
        case, report, plan, facts = each.case, each.report, self._matrix.plan, self._group.facts
        limit = limit_s(plan, case.setting, self._group.links)
        version = versions.get(facts.distribution, "unknown") if facts.distribution else "built in"
        library = facts.http_library(self._group.mode, self._group.provider, version)
        return {
            "run_id": self._matrix.run_id,
            "block": self._block,
            "fault": case.scenario.name,
            "arm": self._group.arm,
            "client": self._group.client,
            "client_version": version,
            "http_library": library,
            "http_library_version": versions.get(library, "unknown"),
            "mode": str(self._group.mode),
            "provider_name": self._group.provider,
            "request_model": self._matrix.cassetted[self._group.provider, case.stream].question.model,
            "request_stream": case.stream,
            "setting": str(case.setting),
            "limit_ns": None if limit is None else int(limit * 1e9),
            "retries_asked": retries_asked(plan, case.setting),
            "duration_ns": None if report is None else report.finished_ns - report.started_ns,
            "outcome": _outcome(report),
            "error_kind": None if report is None else report.error_kind,
            "error_class": None if report is None else report.error_class,
            "is_true_answer": None if report is None else report.is_true_answer,
            "response_model": None if report is None else report.response_model,
        }

    def _row(self, each: Watched, versions: Mapping[str, str], healthy: Left) -> FaultCase:
        case, report, plan = each.case, each.report, self._matrix.plan
        wire = self._wire(each)
        limit, retries = limit_s(plan, case.setting, self._group.links), retries_asked(plan, case.setting)
        allowed = None if retries is None else self._group.links * (1 + retries)
        scenario = with_second_link(case.scenario) if self._group.is_chain else case.scenario
        found = verdicts(scenario, limit, allowed, report, wire, healthy)
        return FaultCase(
            **self._shared(each, versions),
            case_id="/".join(
                (
                    case.scenario.name,
                    str(self._group),
                    "stream" if case.stream else "whole",
                    case.setting,
                    str(case.repeat),
                )
            ),
            repeat=case.repeat,
            family=case.scenario.family,
            window_ns=int(window_s(plan, case.setting, self._group.links) * 1e9),
            chunk_count=report.chunks if report is not None and case.stream else None,
            error_is_own=None if report is None else report.error_is_own,
            http_response_status_code=None if report is None else report.status_code,
            finish_reason=None if report is None else report.finish_reason,
            attempts=wire.attempts,
            attempt_offsets_ns=wire.offsets_ns,
            connects=None if report is None else report.connects,
            peer_closed_offset_ns=wire.closed_offset_ns,
            threads_left=None if report is None else report.threads_left,
            descriptors_left=None if report is None else report.descriptors_left,
            tasks_left=None if report is None else report.tasks_left,
            loop_lag_ns=None if report is None else report.loop_lag_ns,
            verdict=str(found[0] if found else FaultVerdict.HELD),
            findings=tuple(map(str, found)),
        )

    def _killed_ns(self, each: Watched) -> int:
        """Just before the end of the window of a call that was never reported."""
        window = window_s(self._matrix.plan, each.case.setting, self._group.links)
        return _started_ns(each) + int((window - _KILLING_S) * 1e9)

    def _wire(self, each: Watched) -> Wire:
        """The journal's side of a call. An answer that ended after the child's report was open when it reported."""
        report, scenario = each.report, each.case.scenario
        entries = self._ledger.take(each.case.number)
        if scenario.port is not None:
            return Wire(None, (), None, is_open=False)
        started = _started_ns(each)
        offsets = tuple(entry.received_ns - started for entry in entries)
        unfinished = [entry for entry in entries if not entry.completed]
        seen_ns = self._killed_ns(each) if report is None else report.reported_ns
        is_open = any(entry.ended_ns > seen_ns for entry in unfinished)
        closed = max((entry.ended_ns - started for entry in unfinished), default=None)
        broken = {entry.connection_id for entry in unfinished}
        pooled = len({entry.connection_id for entry in entries} - broken)
        return Wire(len(entries), offsets, None if is_open or report is None else closed, is_open, pooled)


def _started_ns(each: Watched) -> int:
    return each.report.started_ns if each.report is not None else each.started_ns or 0


def _outcome(report: Report | None) -> str:
    if report is None:
        return "killed"
    if report.is_unreadable:
        return "unreadable"
    return "returned" if report.error_kind is None else "raised"
