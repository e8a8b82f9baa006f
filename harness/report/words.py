"""Owns the page's wording: names of arms and cells, and what may be said for each verdict. Never overclaims.

Pure; formats numbers only through ``format``. Called by the sections.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness import arms as arm_names
from harness.analysis.doubts import SCREENING_BELOW
from harness.analysis.findings import CellKey, Comparison, Doubt, Interval, Verdict
from harness.report import format as fmt
from harness.vocabulary import Operation

PLAIN_WORKLOAD = "chat"
STANDARD_BLOCKS = 20
INTERVAL_BLOCKS = 6
"""K of the method: from 6 blocks on an interval exists, 20 are the standard."""

_MODES = ("sync", "async")
_LOADS = {
    "hot": "hot: back to back, no service time",
    "paced": "paced: service time and gaps, like real calls",
    "closed": "closed loop",
    "open": "open loop",
}
_ORIGINS = {
    "authored": "authored, from published figures",
    "recorded": "recorded from a provider",
    "live": "live provider",
    "imported": "imported measurements",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict in words: a short ``label``, a ``sentence`` that stands alone, and a tone for the badge."""

    label: str
    sentence: str
    tone: str


def arm_name(arm: str) -> str:
    """What an arm is called on the page: ``openai-null`` is ``openai SDK again (A/A)``."""
    name, _, mode = arm.rpartition(" ")
    if mode in _MODES and name:
        return f"{arm_name(name)} {mode}"
    return fmt.plain(arm_names.label(arm))


def contrast(comparison: Comparison) -> str:
    """``LiteLLM − openai SDK``; for the control ``openai SDK − itself (A/A)``."""
    if comparison.is_null:
        return f"{arm_name(comparison.base)} {fmt.MINUS} itself (A/A)"
    return f"{arm_name(comparison.arm)} {fmt.MINUS} {arm_name(comparison.base)}"


def shape(cell: CellKey) -> str:
    """Whole answer or stream."""
    return "streamed" if cell.stream else "whole"


def cell_name(cell: CellKey, *, load: bool = True, mode: bool = True) -> str:
    """The condition in short: ``gpt-5-mini · whole · sync · paced``; the plain chat is not named."""
    kind = () if cell.operation == Operation.CHAT else (fmt.plain(cell.operation),)
    asked = () if cell.workload == PLAIN_WORKLOAD else (fmt.plain(cell.workload),)
    parts = [fmt.plain(cell.model), *kind, *asked, shape(cell)]
    return " · ".join([*parts, *([cell.mode] if mode else []), *([cell.load] if load else [])])


def load_name(load: str) -> str:
    """A load with what it means."""
    return _LOADS.get(load, fmt.plain(load))


def origins(cells: Iterable[CellKey]) -> str:
    """Where these cells' latencies come from, in words."""
    found = dict.fromkeys(cell.origin for cell in cells)
    return "; ".join(_ORIGINS.get(origin, fmt.plain(origin)) for origin in found) or fmt.NONE


def effect(comparison: Comparison) -> str:
    """The difference with its interval, or the bare median that says it has none."""
    if comparison.difference is None:
        return f"{fmt.difference(comparison.median_difference_s, 2)} (no interval)"
    return fmt.interval(comparison.difference)


def sample(comparison: Comparison) -> str:
    """K and n, which stand beside every comparison."""
    return f"K{fmt.SPACE}={fmt.SPACE}{comparison.blocks}, n{fmt.SPACE}={fmt.SPACE}{comparison.calls_per_block}"


def strength(blocks: int) -> str:
    """How much a run of K blocks may carry, in one word."""
    if blocks < INTERVAL_BLOCKS:
        return "smoke test"
    if blocks < SCREENING_BELOW:
        return "screening"
    return "standard" if blocks >= STANDARD_BLOCKS else "below standard"


def said(comparison: Comparison) -> Said:
    """What may be said about one comparison, with the numbers that bound the claim."""
    floor = fmt.duration(comparison.noise_floor_s, 2)
    detectable = fmt.duration(comparison.minimum_detectable_s, 2)
    screening = " This is a screening." if comparison.is_screening else ""
    match comparison.verdict:
        case Verdict.SLOWER | Verdict.FASTER:
            beyond = "" if comparison.noise_floor_s is None else "; the effect exceeds the noise floor"
            sentence = f"Zero is excluded after Holm’s adjustment{beyond}.{screening}"
            return Said(comparison.verdict.value, sentence, "effect")
        case Verdict.BELOW_NOISE:
            return Said(
                "below noise",
                f"Not claimed: the difference lies within this run’s own noise floor of {floor}.{screening}",
                "quiet",
            )
        case Verdict.INCONCLUSIVE:
            return Said("inconclusive", f"Inconclusive: {_obstacle(comparison)}.{screening}", "warn")
        case Verdict.NO_DIFFERENCE:
            return Said(
                "no difference seen",
                f"No difference seen; one of {detectable} or more would probably have been.{screening}",
                "quiet",
            )
        case Verdict.NOT_ENOUGH_BLOCKS:
            blocks = f"{comparison.blocks} block{'' if comparison.blocks == 1 else 's'}"
            needed = f"an interval needs {INTERVAL_BLOCKS}"
            return Said("too few blocks", f"No claim: {blocks} measured, {needed}.", "warn")


def _obstacle(comparison: Comparison) -> str:
    if _sign(comparison.difference) != _sign(comparison.t_interval):
        return "the exact interval and the t cross-check disagree about zero"
    if comparison.noise_floor_s is None:
        return "without a null arm there is no noise floor to hold it against"
    if Doubt.FEW_BLOCKS in comparison.doubts:
        return (
            f"{comparison.blocks} blocks cannot survive the adjustment for this many comparisons, whatever the effect"
        )
    return "it does not survive Holm’s adjustment for the number of comparisons"


def _sign(interval: Interval | None) -> int:
    if interval is None or interval.low <= 0 <= interval.high:
        return 0
    return 1 if interval.low > 0 else -1
