"""Settings that real calls bear out (METHOD B): the four limits, when to hedge, how often to try again, where to fall
back.

Per provider × model × stream × output budget. A bound is an order statistic of the calls themselves (``limit_of``);
what they do not bear is refused with what it would take. Authored figures never come here (``timeouts`` has those).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from harness.analysis.findings import Doubt, Findings
from harness.analysis.limits.order import CONFIDENCE
from harness.analysis.limits.waits import Condition, Observed, Wait
from harness.recommend.aim import Aim
from harness.recommend.bounds import round_up_to
from harness.recommend.ground import duration, percent, quoted
from harness.recommend.limit import MARGIN, Limit, limit_of
from harness.recommend.retries import Candidate, fallback_order, pauses_s, retries_within, worst_case_s
from harness.recommend.setting import AppliesTo, Guarantee, Setting, Value
from harness.vocabulary import Grade, Origin

CONNECT_FLOOR_S = 1.0
HEDGED_RATE = 0.05
"""Hedging when one call in twenty is still out adds that share of load."""

ORDER_STATISTIC = "order statistic"
"""Guarantee kind: the distribution-free upper confidence bound."""

_GROWS = {"total_timeout"}
"""Limits that grow with the output budget; of a whole answer the first byte does, too."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One limit: what it is called, what it bounds, at which rate."""

    name: str
    wait: Wait
    rate: float
    streams: tuple[bool, ...] = (True, False)


def waits(findings: Findings, aim: Aim) -> Iterator[Setting]:
    """All settings of every observed condition that the aim's budget chooses; then the order to fall back in."""
    chosen = list(_chosen(findings.observed, aim))
    totals = []
    for each in chosen:
        limits = _limits(each, aim)
        for asked in _asked(aim):
            if each.condition.stream in asked.streams:
                yield _limit_setting(each, asked, limits[asked.wait, asked.rate], aim)
        total = limits[Wait.TOTAL, aim.false_timeout_rate]
        if total.seconds is not None and not _is_outside(each.condition, aim):
            totals.append(total.seconds)
            yield from _retries(each, total, aim)
    yield from _fallbacks(chosen, aim, max(totals, default=None))


def _asked(aim: Aim) -> tuple[_Asked, ...]:
    rate = aim.false_timeout_rate
    return (
        _Asked("connect_timeout", Wait.FIRST_CHUNK, rate),
        _Asked("first_chunk_timeout", Wait.FIRST_CHUNK, rate),
        _Asked("inter_chunk_timeout", Wait.INTER_CHUNK, rate, (True,)),
        _Asked("total_timeout", Wait.TOTAL, rate),
        _Asked("hedge_delay", Wait.FIRST_CHUNK, HEDGED_RATE),
    )


def _chosen(observed: Sequence[Observed], aim: Aim) -> Iterator[Observed]:
    """Every condition; with an output budget of the aim's, per model and stream the smallest that carries it."""
    if aim.max_tokens is None:
        yield from observed
        return
    for _, same in groupby(observed, key=lambda o: (o.condition.provider, o.condition.model, o.condition.stream)):
        ordered = sorted(same, key=lambda each: each.condition.max_tokens or 0)
        yield next((each for each in ordered if (each.condition.max_tokens or 0) >= aim.max_tokens), ordered[-1])


def _is_outside(condition: Condition, aim: Aim) -> bool:
    return aim.max_tokens is not None and (condition.max_tokens or 0) < aim.max_tokens


def _limits(observed: Observed, aim: Aim) -> dict[tuple[Wait, float], Limit]:
    """The limit on each kind of wait at each rate that is asked for; several settings are read off one."""
    patience_s = {Wait.FIRST_CHUNK: aim.patience.first_chunk_s, Wait.INTER_CHUNK: aim.patience.inter_chunk_s}
    cap_s = patience_s if observed.condition.stream else {}
    return {
        (wait, rate): limit_of(observed.waits(wait, aim.patience), rate, aim.now_s, cap_s.get(wait))
        for wait, rate in dict.fromkeys((asked.wait, asked.rate) for asked in _asked(aim))
    }


def _limit_setting(observed: Observed, asked: _Asked, limit: Limit, aim: Aim) -> Setting:
    is_first = asked.wait is Wait.FIRST_CHUNK
    grows = asked.name in _GROWS or (is_first and not observed.condition.stream)
    if not limit.n and not limit.separated.hangs:
        return _setting(observed, asked.name, limit, aim, None, _unstated(asked.wait))
    if grows and _is_outside(observed.condition, aim):
        return _setting(observed, asked.name, limit, aim, None, _outside(observed.condition, aim))
    if limit.seconds is None or limit.bound_s is None:
        return _setting(observed, asked.name, limit, aim, None, _refusal(limit, asked.rate))
    seconds = limit.bound_s if asked.name == "hedge_delay" else limit.seconds
    seconds = max(seconds, CONNECT_FLOOR_S) if asked.name == "connect_timeout" else seconds
    why = _reason(observed, limit, asked)
    return _setting(
        observed, asked.name, limit, aim, round_up_to(seconds), why, Guarantee(ORDER_STATISTIC, asked.rate, CONFIDENCE)
    )


def _setting(
    observed: Observed, name: str, limit: Limit, aim: Aim, value: Value, why: str, guarantee: Guarantee | None = None
) -> Setting:
    condition = observed.condition
    is_refused = value is None
    return Setting(
        setting=name,
        value=value,
        unit=None if name == "retries" else "s",
        applies_to=AppliesTo(
            provider=condition.provider,
            model=condition.model,
            request_stream=condition.stream,
            max_tokens=condition.max_tokens if not _is_outside(condition, aim) else aim.max_tokens,
        ),
        grade=Grade.INSUFFICIENT_DATA if is_refused else limit.grade,
        guarantee=guarantee,
        n=limit.n,
        days=limit.days,
        required_n=limit.required_n,
        origin=str(Origin.LIVE if observed.origins == (Origin.LIVE,) else Origin.IMPORTED),
        evidence=(*observed.run_ids, _query(observed)),
        why=why,
        doubts=_doubts(observed, limit),
    )


def _reason(observed: Observed, limit: Limit, asked: _Asked) -> str:
    assert limit.bound_s is not None
    what = {
        Wait.FIRST_CHUNK: "the wait for the first chunk" if observed.condition.stream else "the wait for the answer",
        Wait.INTER_CHUNK: "a call's longest silence between chunks",
        Wait.TOTAL: "the whole call",
    }[asked.wait]
    said = (
        f"{limit.n} calls over {_days(limit.days)}: with {CONFIDENCE:.0%} confidence at most {percent(asked.rate)} of "
        f"them exceed {duration(limit.bound_s)} for {what}"
    )
    if asked.name == "connect_timeout":
        said += f", which set-up is a part of (floor {CONNECT_FLOOR_S:g} s)"
    if asked.name == "hedge_delay":
        said += "; ask another deployment then, and only where asking twice does no harm"
    elif limit.seconds is not None and not math.isclose(limit.seconds, limit.bound_s):
        said += f"; × {MARGIN:g} because days differ" if limit.days < 19 else "; raised to the worst day's own bound"
    return said + _beside(observed, limit) + _open_gates(limit)


def _beside(observed: Observed, limit: Limit) -> str:
    hangs = limit.separated.hangs
    parts = []
    if hangs:
        bound = limit.separated.probability_bound
        parts.append(f"{hangs} hung and are counted beside (at most {percent(bound)} with {CONFIDENCE:.0%} confidence)")
    if observed.rejected:
        parts.append(f"{observed.rejected} of {observed.calls} were answered with an error and are no waits")
    if observed.timeouts or observed.broken:
        parts.append(
            f"{observed.timeouts} met a limit and {observed.broken} broke off: longer than all others, at least"
        )
    return "".join(f"; {part}" for part in parts)


def _open_gates(limit: Limit) -> str:
    return f"; provisional: {', '.join(limit.gates)}" if limit.gates else ""


def _refusal(limit: Limit, rate: float) -> str:
    strongest = ""
    if limit.strongest_rate is not None and limit.n < limit.required_n:
        strongest = f"; {limit.n} can certify {percent(limit.strongest_rate)} at best"
    return f"{', '.join(limit.gates)}{strongest}; {limit.required_n} calls certify {percent(rate)}"


def _unstated(wait: Wait) -> str:
    stated = {
        Wait.FIRST_CHUNK: "when the first chunk came",
        Wait.INTER_CHUNK: "the longest silence between chunks (a mean gap bounds nothing)",
        Wait.TOTAL: "how long a call took",
    }[wait]
    return f"these calls do not state {stated}"


def _outside(condition: Condition, aim: Aim) -> str:
    measured = (
        "no stated output budget" if condition.max_tokens is None else f"at most {condition.max_tokens} output tokens"
    )
    return f"time follows tokens, these calls had {measured} and {aim.max_tokens} were asked for"


def _retries(observed: Observed, total: Limit, aim: Aim) -> Iterator[Setting]:
    assert total.seconds is not None
    seconds = round_up_to(total.seconds)
    retries = retries_within(math.inf if aim.deadline_s is None else aim.deadline_s, seconds)
    worst = worst_case_s(seconds, retries)
    within = "" if aim.deadline_s is None else f" within the deadline of {duration(aim.deadline_s)}"
    why = (
        f"in one layer only, the others at 0{within}: at worst ({retries} + 1) × {duration(seconds)} and "
        f"{duration(sum(pauses_s(retries)))} of pauses; stop trying again when retries exceed 10 % of requests"
    )
    yield _setting(observed, "retries", total, aim, retries, why)
    yield _setting(observed, "worst_case_total", total, aim, round_up_to(worst), why)


def _fallbacks(chosen: Sequence[Observed], aim: Aim, longest_s: float | None) -> Iterator[Setting]:
    """Which model to turn to after which; only where more than one can be compared."""
    deadline_s = aim.deadline_s if aim.deadline_s is not None else longest_s
    by_model: dict[str, Observed] = {}
    for each in chosen:
        name = f"{each.condition.provider}/{each.condition.model}"
        if name not in by_model or each.calls > by_model[name].calls:
            by_model[name] = each
    if deadline_s is None or len(by_model) < 2:
        return
    candidates = [
        Candidate(name, each.completed_within(deadline_s), each.calls, each.usd_per_call)
        for name, each in by_model.items()
    ]
    ordered = fallback_order(candidates)
    first = by_model[ordered[0]]
    limit = limit_of(first.waits(Wait.TOTAL, aim.patience), HEDGED_RATE, aim.now_s)
    limit = replace(limit, grade=Grade.PROVISIONAL)
    shares = {each.name: each.within / each.calls for each in candidates}
    setting = _setting(
        first,
        "fallback_order",
        limit,
        aim,
        ", ".join(ordered),
        f"by the {CONFIDENCE:.0%} lower bound of completing within {duration(deadline_s)}, then by price; seen: "
        + ", ".join(f"{name} {shares[name]:.1%}" for name in ordered),
    )
    yield replace(
        setting, unit=None, applies_to=AppliesTo(), n=sum(each.calls for each in candidates), required_n=None,
        evidence=tuple(sorted({run for each in by_model.values() for run in each.run_ids})),
    )  # fmt: skip


def _doubts(observed: Observed, limit: Limit) -> tuple[str, ...]:
    healthy = limit.separated.healthy
    holds = {
        Doubt.SURVIVORSHIP: Origin.IMPORTED in observed.origins,
        Doubt.CHANGED_LATELY: limit.change is not None,
        Doubt.STALE: any("days old" in gate for gate in limit.gates),
        Doubt.UNDATED: bool(len(healthy)) and bool((healthy.day == 0).any()),
        Doubt.POSSIBLE_HANGS: limit.separated.leap is not None,
        Doubt.NO_OUTPUT_BUDGET: observed.condition.max_tokens is None,
        Doubt.FAILED_CALLS: bool(observed.rejected or observed.broken),
    }
    return tuple(sorted(doubt.value for doubt, is_so in holds.items() if is_so))


def _query(observed: Observed) -> str:
    condition = observed.condition
    runs = ", ".join(quoted(run_id) for run_id in observed.run_ids)
    return (
        "SELECT outcome, count(*) AS n, quantile_cont(duration_ns, [0.5, 0.95, 0.99]) AS duration_ns, "  # noqa: S608
        "max(time_to_first_chunk_ns) AS first_chunk_ns, max(max_chunk_gap_ns) AS gap_ns "
        "FROM read_parquet('results/dataset/calls/**/*.parquet', hive_partitioning = false) "
        f"WHERE run_id IN ({runs}) AND provider_name = {quoted(condition.provider)} "
        f"AND request_model = {quoted(condition.model)} AND request_stream = {str(condition.stream).lower()} "
        "GROUP BY ALL ORDER BY ALL"
    )


def _days(days: int) -> str:
    return "no known day" if not days else f"{days} day{'' if days == 1 else 's'}"
