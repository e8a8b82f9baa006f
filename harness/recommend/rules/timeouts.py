"""The four limits per provider × model × stream × output budget (METHOD B), from the figures that findings hold.

Authored figures yield ``example``, always and only. The formulas, with z = the normal quantile at 1 − rate and
tail(m) = m × exp(z × log_sigma) × tail_factor (``bounds.lognormal_limit``), everything rounded up to a readable value:

- ``first_chunk_timeout``, streamed: tail(base). Whole answers send their headers when done: as ``total_timeout``.
- ``total_timeout``: tail(base + per_output_token × budget); at rates ≤ 5 % never below the published 95th percentile.
- ``inter_chunk_timeout``, streamed only: the request's *longest* gap, so the rate is shared by the budget's gaps.
  Sources publish no gaps: the silence inside an answer is never allowed less than the silence before it.
- ``connect_timeout``: set-up is a part of the wait for the first chunk, hence bounded by it; floor 1 s.

Without an output budget the two that grow with it are refused. Figures that are not authored are refused whatever
their n: a bound is an order statistic of samples, which a fitted curve is not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from harness.analysis.findings import Doubt, Findings, LatencyModel
from harness.analysis.limits.order import CONFIDENCE, required_n, strongest_rate
from harness.recommend.aim import Aim
from harness.recommend.bounds import lognormal_limit, rate_per_part, round_up
from harness.recommend.ground import Ground, duration, ground_of, percent
from harness.recommend.setting import EXTRAPOLATED, AppliesTo, Guarantee, Setting
from harness.vocabulary import Grade, Origin

CONNECT_FLOOR_S = 1.0

LIMITS: tuple[tuple[str, bool | None], ...] = (
    ("connect_timeout", None),
    ("first_chunk_timeout", True),
    ("first_chunk_timeout", False),
    ("inter_chunk_timeout", True),
    ("total_timeout", True),
    ("total_timeout", False),
)
"""(setting, request_stream); a whole answer has no chunks to be silent between."""

WITHOUT_BUDGET = frozenset({("connect_timeout", None), ("first_chunk_timeout", True)})
"""Limits that do not grow with the output budget."""


@dataclass(frozen=True, slots=True)
class _Subject:
    """One model under one output budget, with its figures where there are any."""

    provider: str
    model: str
    max_tokens: int | None
    figures: LatencyModel | None


def timeouts(findings: Findings, aim: Aim) -> Iterator[Setting]:
    """Six settings per (provider, model, budget): values for authored figures, refusals for everything else.

    Where real calls of a model were observed, they speak (``waits``), and figures do not.
    """
    ground = ground_of(findings)
    observed = {(each.condition.provider, each.condition.model) for each in findings.observed}
    for subject in _subjects(findings, aim):
        if (subject.provider, subject.model) in observed:
            continue
        for name, stream in LIMITS:
            yield _setting(ground, aim, subject, name, stream)


def _subjects(findings: Findings, aim: Aim) -> Iterator[_Subject]:
    """One per key; of several figures authored ones win (a mixture is an example too), then the slowest tail."""
    figured = [
        _Subject(f.provider, f.model, f.max_tokens if aim.max_tokens is None else aim.max_tokens, f)
        for f in findings.latencies
    ]
    for _, same in groupby(sorted(figured, key=_key), key=_key):
        yield max(same, key=lambda subject: _precedence(aim, subject))
    known = {(subject.provider, subject.model) for subject in figured}
    measured = {(s.cell.provider, s.cell.model) for s in findings.summaries}
    for provider, model in sorted(measured - known):
        yield _Subject(provider, model, aim.max_tokens, None)


def _key(subject: _Subject) -> tuple[str, str, int]:
    return subject.provider, subject.model, subject.max_tokens or 0


def _precedence(aim: Aim, subject: _Subject) -> tuple[bool, float]:
    figures = subject.figures
    assert figures is not None
    return figures.origin == Origin.AUTHORED, _limit_s(aim, figures, subject.max_tokens or 1, "total_timeout", True)


def _setting(ground: Ground, aim: Aim, subject: _Subject, name: str, stream: bool | None) -> Setting:
    figures = subject.figures
    authored = figures is not None and figures.origin == Origin.AUTHORED
    value, why = _answer(aim, subject, name, stream)
    return Setting(
        setting=name,
        value=value,
        unit="s",
        applies_to=AppliesTo(
            provider=subject.provider, model=subject.model, request_stream=stream, max_tokens=subject.max_tokens
        ),
        grade=Grade.INSUFFICIENT_DATA if value is None else Grade.EXAMPLE,
        guarantee=None if value is None else Guarantee(EXTRAPOLATED, aim.false_timeout_rate, None),
        n=figures.n if figures else 0,
        days=None,
        required_n=required_n(aim.false_timeout_rate),
        origin=figures.origin if figures else None,
        evidence=(*ground.run_ids, ground.query("runs", "run_id, cassettes")),
        why=why,
        doubts=(Doubt.AUTHORED_LATENCIES.value,) if authored else (),
    )


def _answer(aim: Aim, subject: _Subject, name: str, stream: bool | None) -> tuple[float | None, str]:
    figures, budget = subject.figures, subject.max_tokens
    if figures is None:
        return None, f"no latency of {subject.model} is known here: {_needed(aim)}"
    if figures.origin != Origin.AUTHORED:
        return None, _refusal(aim, figures)
    if budget is None and (name, stream) not in WITHOUT_BUDGET:
        return None, "time follows output tokens and no output budget is known: give --max-tokens"
    limit = _limit_s(aim, figures, budget or 1, name, stream)
    if not 0 < limit < math.inf or round_up(limit) == math.inf:
        return None, f"the authored figures give no usable limit (source: {figures.source})"
    return round_up(limit), _reason(aim, figures, budget, name, stream)


def _limit_s(aim: Aim, figures: LatencyModel, budget: int, name: str, stream: bool | None) -> float:
    first = _tail(figures, figures.base_s, aim.false_timeout_rate)
    if name == "connect_timeout":
        return max(CONNECT_FLOOR_S, first)
    if name == "inter_chunk_timeout":
        return max(first, _tail(figures, figures.per_output_token_s, rate_per_part(aim.false_timeout_rate, budget)))
    if name == "first_chunk_timeout" and stream:
        return first
    return max(
        _published_s(aim, figures),
        _tail(figures, figures.base_s + figures.per_output_token_s * budget, aim.false_timeout_rate),
    )


def _published_s(aim: Aim, figures: LatencyModel) -> float:
    """The published 95th percentile where the aim is at least as strict; else no floor."""
    return figures.p95_s if figures.p95_s is not None and aim.false_timeout_rate <= 0.05 else 0.0


def _tail(figures: LatencyModel, median_s: float, rate: float) -> float:
    return lognormal_limit(median_s, figures.log_sigma, figures.tail_factor, rate)


def _reason(aim: Aim, figures: LatencyModel, budget: int | None, name: str, stream: bool | None) -> str:
    if name == "connect_timeout":
        basis = f"set-up is part of the wait for the first chunk ({duration(figures.base_s)} at the median; floor 1 s)"
    elif name == "inter_chunk_timeout":
        basis = f"the longest of {budget} gaps, and no less than the wait for the first chunk, as no gaps are published"
    elif (name, stream) in WITHOUT_BUDGET:
        basis = f"{duration(figures.base_s)} to the first chunk at the median, hidden reasoning not included"
    else:
        median_s = figures.base_s + figures.per_output_token_s * (budget or 1)
        floor = ", never below the published p95" if _published_s(aim, figures) else ""
        basis = f"{duration(median_s)} at the median for {budget} output tokens{floor}"
    return (
        f"authored figures, an example and not advice: {basis}, extrapolated to {percent(aim.false_timeout_rate)} "
        f"with ln-σ {figures.log_sigma:g} and tail factor {figures.tail_factor:g}{_budget(figures, budget)} "
        f"(source: {figures.source})"
    )


def _budget(figures: LatencyModel, budget: int | None) -> str:
    if budget == figures.max_tokens or figures.max_tokens is None:
        return ""
    return f", at a budget other than the cassettes' {figures.max_tokens}"


def _refusal(aim: Aim, figures: LatencyModel) -> str:
    wanted = required_n(aim.false_timeout_rate)
    if figures.n is None or figures.n < 1:
        return f"{figures.origin} latencies without a sample count: {_needed(aim)}"
    if figures.n < wanted:
        return (
            f"{figures.n} {figures.origin} samples could certify {percent(strongest_rate(figures.n))} false timeouts "
            f"at best: {_needed(aim)}"
        )
    return (
        f"{figures.n} {figures.origin} samples are enough in number, but a limit is read from the ordered samples "
        "and only fitted figures are at hand"
    )


def _needed(aim: Aim) -> str:
    return (
        f"{required_n(aim.false_timeout_rate)} calls certify {percent(aim.false_timeout_rate)} "
        f"at {CONFIDENCE:.0%} confidence"
    )
