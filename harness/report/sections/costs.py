"""What a client says of itself, audited: what a call cost, how many tokens it took, and LiteLLM's own overhead."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from statistics import median

from harness.analysis.audits import CostAudit, OverheadAudit, UsageAudit
from harness.report import format as fmt
from harness.report import words
from harness.report.conditions import title
from harness.report.material import Material
from harness.report.merging import Merged, Place, merged, without_controls
from harness.report.palette import role

TITLE = "Costs and self-reports"

_TONES = {"agrees": "pass", "missing": "warn", "zero": "fail", "differs": "fail", "unpriced": ""}


@dataclass(frozen=True, slots=True)
class CostRow:
    """One answer's bill as these paths report it; amounts are per 1,000 calls."""

    place: Place
    calls: str
    tokens: str
    listed: str
    reported: str
    distinct: str
    usage: str
    said: words.Said


@dataclass(frozen=True, slots=True)
class OverheadRow:
    """LiteLLM's own figure in one cell."""

    cell: str
    arm: str
    role: str
    calls: str
    reported: str
    measured: str
    share: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    cost_sentence: str
    usage_sentence: str
    costs: tuple[CostRow, ...]
    overhead_sentence: str
    overheads: tuple[OverheadRow, ...]


def context(material: Material) -> Context:
    """Costs merged over cells and paths that report the same; overheads one by one."""
    costs = without_controls(material.findings.costs)
    overheads = without_controls(material.findings.overheads)
    return Context(
        cost_sentence=_cost_sentence(costs, material),
        usage_sentence=_usage_sentence(costs),
        costs=tuple(_cost_row(one) for one in merged(costs, _bill, material)),
        overhead_sentence=_overhead_sentence(overheads),
        overheads=tuple(_overhead_row(audit, material) for audit in overheads),
    )


def said(audit: CostAudit) -> words.Said:
    """The word for a reported cost; a difference with its factor."""
    label = f"differs {_times(audit.factor)}" if audit.word == "differs" else audit.word
    return words.Said(label, "", _TONES[audit.word])


def usage_words(usage: UsageAudit) -> str:
    """``cached missing, output different``; ``as answered`` where all kinds are equal."""
    spoilt = [f"{kind.name} {word}" for kind in fields(usage) if (word := getattr(usage, kind.name)) != "equal"]
    return ", ".join(spoilt) or "as answered"


def _times(factor: float | None) -> str:
    if factor is None:
        return fmt.NONE
    return f"×{fmt.number(factor, 2 if factor >= 0.1 else 4)}"


def _cost_sentence(costs: Sequence[CostAudit], material: Material) -> str:
    if not costs:
        return ""
    counts = Counter(audit.word for audit in costs)
    endings = {
        "agrees": "agree with tokens × list price within 0.5 %",
        "missing": "report no cost",
        "zero": "report a cost of zero",
        "differs": "differ",
        "unpriced": "have no list price to hold a cost against",
    }
    parts = [f"{fmt.count(counts[word])} {ending}" for word, ending in endings.items() if counts[word]]
    return f"Of {fmt.count(len(costs))} pairs of path and cell, {', '.join(parts)}.{_worst(costs, material)}"


def _worst(costs: Sequence[CostAudit], material: Material) -> str:
    differing = [(abs(math.log(audit.factor)), audit) for audit in costs if audit.word == "differs" and audit.factor]
    if not differing:
        return ""
    _, worst = max(differing, key=lambda pair: pair[0])
    where = f"{title(worst.cell, material)}, {words.shape(worst.cell)}"
    return f" The furthest off is {words.arm_name(worst.arm)} ({where}): {_times(worst.factor)} of the list price."


def _usage_sentence(costs: Sequence[CostAudit]) -> str:
    spoilt = [audit for audit in costs if usage_words(audit.usage) != "as answered"]
    if not costs:
        return ""
    if not spoilt:
        return "Token counts are handed on as the answer states them, everywhere."
    counts = Counter(word for audit in spoilt for word in usage_words(audit.usage).split(", "))
    listed = ", ".join(f"{name} in {fmt.count(count)}" for name, count in sorted(counts.items()))
    return f"Token counts are not handed on as the answer states them in {fmt.count(len(spoilt))} pairs: {listed}."


def _bill(audit: CostAudit) -> tuple[object, ...]:
    return (_tokens(audit), audit.list_price_usd, _reported(audit), audit.reported_distinct, audit.usage, said(audit))


def _tokens(audit: CostAudit) -> str:
    cached = f" ({fmt.count(audit.cached_tokens)} cached)" if audit.cached_tokens else ""
    reasoning = f" ({fmt.count(audit.reasoning_tokens)} reasoning)" if audit.reasoning_tokens else ""
    return f"{fmt.count(audit.input_tokens)}{cached} in, {fmt.count(audit.output_tokens)}{reasoning} out"


def _reported(audit: CostAudit) -> str:
    return fmt.usd(_thousandfold(audit.reported_usd))


def _thousandfold(amount_usd: float | None) -> float | None:
    return None if amount_usd is None else amount_usd * 1000


def _cost_row(one: Merged[CostAudit]) -> CostRow:
    first = one.findings[0]
    return CostRow(
        place=one.place,
        calls=fmt.count(sum(audit.calls for audit in one.findings)),
        tokens=_tokens(first),
        listed=fmt.usd(_thousandfold(first.list_price_usd)),
        reported=_reported(first),
        distinct=fmt.count(first.reported_distinct),
        usage=usage_words(first.usage),
        said=said(first),
    )


def _share(audit: OverheadAudit) -> float:
    return audit.reported_p50_s / audit.measured_p50_s


def _overhead_sentence(overheads: Sequence[OverheadAudit]) -> str:
    if not overheads:
        return ""
    shares = [_share(audit) for audit in overheads]
    low, middle, high = (fmt.percent(share, 2) for share in (min(shares), median(shares), max(shares)))
    pairs = f"{fmt.count(len(shares))} pair{'s' if len(shares) > 1 else ''} of path and cell"
    spread = f"between {low} and {high} of the measured one, {middle} in the median" if low != high else f"{low} of it"
    return f"Over {pairs}, LiteLLM’s own figure for its overhead is {spread}."


def _overhead_row(audit: OverheadAudit, material: Material) -> OverheadRow:
    return OverheadRow(
        cell=material.cell(audit.cell),
        arm=words.arm_name(audit.arm),
        role=role(audit.arm),
        calls=fmt.count(audit.calls),
        reported=fmt.duration(audit.reported_p50_s),
        measured=fmt.duration(audit.measured_p50_s),
        share=fmt.percent(_share(audit), 2),
    )
