"""Sync or async, per client, provider and stream: recommended only where every verdict says the same.

The verdicts are analysis's own (Holm-adjusted exact test, t cross-check, noise floor); nothing is tested again here.
Paced cells decide where there are any, since real calls are paced. CPU time may veto: a mode that is quicker and burns
more processor is a trade-off, not a recommendation. One call in flight; what happens under concurrency is not measured.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.analysis.findings import ArmSummary, Comparison, Doubt, Findings, Verdict
from harness.recommend.aim import Aim
from harness.recommend.ground import STANDARD_BLOCKS, Ground, duration, ground_of, quoted, span, subjects
from harness.recommend.setting import AppliesTo, Setting
from harness.vocabulary import Load, Mode

Group = tuple[str, str, bool]
"""client, provider, stream."""

PREFERENCE = {Verdict.SLOWER: Mode.SYNC, Verdict.FASTER: Mode.ASYNC}
"""A comparison is async minus sync: its base is ``<arm> sync``, its arm ``<arm> async``."""


def client_mode(findings: Findings, aim: Aim) -> Iterator[Setting]:
    """One setting per measured (client, provider, stream): ``sync``, ``async`` or a refusal."""
    known = subjects(findings)
    for group in sorted({_group(summary) for summary in findings.summaries if summary.arm in known}):
        yield _setting(ground_of(findings, group[0]), group, _deciding(findings.modes, group))


def _group(summary: ArmSummary) -> Group:
    return summary.client, summary.cell.provider, summary.cell.stream


def _deciding(modes: tuple[Comparison, ...], group: Group) -> list[Comparison]:
    client, provider, stream = group
    mine = [c for c in modes if _arm(c) == client and (c.cell.provider, c.cell.stream) == (provider, stream)]
    return [c for c in mine if c.cell.load == Load.PACED] or mine


def _arm(comparison: Comparison) -> str:
    return comparison.arm.removesuffix(f" {Mode.ASYNC}")


def _setting(ground: Ground, group: Group, comparisons: list[Comparison]) -> Setting:
    client, provider, stream = group
    mode, why = _decide(ground, comparisons)
    return ground.settle(
        "client_mode",
        mode.value if mode else None,
        AppliesTo(client=client, provider=provider, request_stream=stream),
        n=min((c.blocks for c in comparisons), default=ground.blocks),
        why=why,
        query=ground.query(
            "calls",
            "cell_id, block, median(overhead_ns) / 1e9 AS overhead_s, avg(cpu_ns) / 1e9 AS cpu_s, count(*) AS n",
            f"arm = {quoted(client)}",
            f"provider_name = {quoted(provider)}",
            "request_stream" if stream else "NOT request_stream",
            "outcome = 'ok'",
        ),
        doubts=[doubt for c in comparisons for doubt in c.doubts],
    )


def _decide(ground: Ground, comparisons: list[Comparison]) -> tuple[Mode | None, str]:
    if not comparisons:
        return None, "sync and async were not both measured: put both in the plan's modes"
    if Doubt.CAUSALITY_VIOLATED in ground.doubts:
        return None, "some marks were out of order, so no overhead of this run may be compared: measure again"
    wanted = {PREFERENCE.get(c.verdict) for c in comparisons}
    mode = wanted.pop() if len(wanted) == 1 else None
    if mode is None:
        return None, _undecided(comparisons)
    if any(_costs_more_cpu(c, mode) for c in comparisons):
        return None, f"{mode} has the lower overhead and takes more CPU time: a trade-off that is yours to make"
    return mode, _decided(ground, mode, comparisons)


def _costs_more_cpu(comparison: Comparison, mode: Mode) -> bool:
    cpu = comparison.cpu_difference
    return cpu is not None and (cpu.low > 0 if mode is Mode.ASYNC else cpu.high < 0)


def _undecided(comparisons: list[Comparison]) -> str:
    verdicts = sorted({c.verdict.value for c in comparisons})
    blocks = min(c.blocks for c in comparisons)
    smallest = max((c.minimum_detectable_s for c in comparisons if c.minimum_detectable_s is not None), default=None)
    seen = "" if smallest is None else f", smallest detectable difference {duration(smallest)}"
    found = f"{' / '.join(verdicts)} in {_counted(comparisons)} at K = {blocks}{seen}"
    return f"async minus sync is {found}: {_remedy(comparisons)}"


def _remedy(comparisons: list[Comparison]) -> str:
    verdicts = {c.verdict for c in comparisons}
    if verdicts >= PREFERENCE.keys():
        return "neither mode has the lower overhead throughout"
    if any(c.verdict is Verdict.INCONCLUSIVE and Doubt.NO_NULL_ARM in c.doubts for c in comparisons):
        return "add a null arm to the plan"
    if min(c.blocks for c in comparisons) < STANDARD_BLOCKS:
        return f"measure {STANDARD_BLOCKS} blocks"
    if verdicts <= {Verdict.NO_DIFFERENCE, Verdict.BELOW_NOISE}:
        return "a difference that small decides nothing"
    return "the comparisons do not settle it"


def _decided(ground: Ground, mode: Mode, comparisons: list[Comparison]) -> str:
    sizes = [abs(c.median_difference_s if c.difference is None else c.difference.estimate) for c in comparisons]
    loads = "/".join(sorted({c.cell.load for c in comparisons}))
    authored = "; the answers' timing is authored and was subtracted" if ground.authored else ""
    return (
        f"{mode} adds {span(sizes)} less per call ({loads}, {_counted(comparisons)}, one call in flight, "
        f"K = {min(c.blocks for c in comparisons)}){authored}"
    )


def _counted(comparisons: list[Comparison]) -> str:
    return f"{len(comparisons)} comparison{'s' if len(comparisons) != 1 else ''}"
