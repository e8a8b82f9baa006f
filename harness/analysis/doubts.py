"""Owns what each doubt means and what to do about it, and the doubts that one comparison carries.

Doubts of a whole run are in ``run_doubts``. Pure; called by ``comparisons``; ``ADVICE`` is read by ``report``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.analysis.findings import Comparison, Doubt
from harness.analysis.intervals import excludes_zero
from harness.analysis.pairs import Pair
from harness.analysis.pressure import robbed, short_of_cpu
from harness.analysis.significance import can_reject
from harness.record import BlockPressure

SCREENING_BELOW = 10
"""Fewer blocks than this are a screening: good for finding an effect, not for pinning it down."""

ADVICE: dict[Doubt, tuple[str, str]] = {
    Doubt.FEW_BLOCKS: (
        "There are so few blocks that no effect, however large, could be told from chance in this many comparisons.",
        "Measure more blocks: 6 carry one comparison, 10 carry 25, 20 carry any number.",
    ),
    Doubt.SCREENING: (
        "Fewer than 10 blocks were measured: sign and size are a first impression.",
        "Run the standard plan (20 blocks) before you rely on the number.",
    ),
    Doubt.NO_NULL_ARM: (
        "The cell has no null arm, so nothing shows how large a difference this machine produces out of nothing.",
        "Add the null arm of the base (for example openai-null) to the plan and measure again.",
    ),
    Doubt.NULL_ARM_DIFFERS: (
        "Two processes of the same arm differed by more than chance: the instrument itself is biased here.",
        "Trust no difference of this cell; quieten the machine (harness doctor) and measure again.",
    ),
    Doubt.CPU_PRESSURE: (
        "Processes waited for a core more than 40 % of the time in some blocks.",
        "Compare with the result without these blocks; stop other work and measure again.",
    ),
    Doubt.STEAL: (
        "The hypervisor took more than 5 % of the time in some blocks.",
        "Compare with the result without these blocks; use a dedicated machine if it persists.",
    ),
    Doubt.BACKEND_DELAYED: (
        "The backend waited for its core during more than 5 % of the time that calls were in flight.",
        "Give the backend a core of its own (fewer processes, or a higher priority) and measure again.",
    ),
    Doubt.PACING_ERROR: (
        "The backend sent chunks more than 1 ms off schedule (p99) in some blocks.",
        "Read stream timings of this run with that error in mind; free a core for the backend.",
    ),
    Doubt.CLOCK_STEPPED: (
        "The wall clock was stepped while measuring, and kernel arrival stamps are converted from it.",
        "Pause time synchronisation (or let it slew) and measure again.",
    ),
    Doubt.NO_KERNEL_STAMPS: (
        "Arrivals were stamped when the backend read them: its wake-up (30–94 µs) counts as the client's overhead.",
        "Trust differences between arms, not absolute overheads; measure on a kernel with SO_TIMESTAMPNS.",
    ),
    Doubt.CAUSALITY_VIOLATED: (
        "In some calls a cause was stamped after its effect: the two clocks did not agree.",
        "Use none of these numbers; check that client and backend share one boot and one time namespace.",
    ),
    Doubt.DELAYED_ACK_BAND: (
        "More than 0.1 % of the whole answers took 35–60 ms too long, the mark of delayed acknowledgements.",
        "Check that both sides set TCP_NODELAY and write head and body at once.",
    ),
    Doubt.FAILED_CALLS: (
        "Some calls failed; they are counted but take no part in any latency.",
        "Look at outcome and error_type in the calls table: survivors may not be typical.",
    ),
    Doubt.EXTRA_ATTEMPTS: (
        "Some calls made more than one request; they take no part in any overhead.",
        "Switch retries off in every layer, or measure them on purpose.",
    ),
    Doubt.LOST_WORKER: (
        "A measured process died, or hung past every limit of its own client, and was replaced by a fresh one.",
        "Read below where it hung: a client that hangs here can hang in production; guard its calls from outside.",
    ),
    Doubt.THROTTLED: (
        "A provider answered 429: it was asked more often than it allows, and may have been slower than it is.",
        "Measure again more slowly: harness run … --per-minute N.",
    ),
    Doubt.INCOMPLETE_RUN: (
        "The run was interrupted: only its finished blocks are here.",
        "Go on with it: harness run --resume RUN.",
    ),
    Doubt.AUTHORED_LATENCIES: (
        "The service's latencies were written from published figures, not recorded from the provider.",
        "Read overheads as measured and time limits as examples; record or measure live for advice.",
    ),
    Doubt.DIFFERENT_HTTP_LIBRARY: (
        "The two sides use different HTTP libraries, so the difference is not the wrapper's alone.",
        "Read it as the cost of the whole path as installed.",
    ),
    Doubt.DIFFERENT_QUESTION: (
        "The two sides asked the provider for different things, so the difference is not the client's alone.",
        "See which parameters differ (Same question?), align them, and measure again.",
    ),
    Doubt.SENSITIVE_TO_PRESSURE: (
        "The verdict changes when blocks measured under pressure are left out.",
        "Believe neither result; quieten the machine and measure again.",
    ),
    Doubt.SURVIVORSHIP: (
        "The calls are production's: who would have waited longer than the timeout of that time is not among them.",
        "Raise the timeout for a share of the traffic, and import again.",
    ),
    Doubt.CHANGED_LATELY: (
        "Waits changed within the last three days; only calls since then count.",
        "Wait until a week of the new state has been seen.",
    ),
    Doubt.STALE: (
        "The newest call is a week old or more: providers change faster than that.",
        "Import or measure newer calls.",
    ),
    Doubt.UNDATED: (
        "The calls carry no date, so nothing is known of how days differ.",
        "Import a source that keeps the time of each call.",
    ),
    Doubt.POSSIBLE_HANGS: (
        "In the slowest tenth one wait is more than three times its neighbour: these may be hangs that ended in time.",
        "Look at those calls; declare a shorter patience if they hung.",
    ),
    Doubt.NO_OUTPUT_BUDGET: (
        "The calls state no output budget, and time follows tokens.",
        "Do not use the limit for calls that may answer at greater length; log max_tokens.",
    ),
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a comparison's doubts depend on besides the pair itself."""

    pressure: tuple[BlockPressure, ...]
    family: int
    null_differs: bool
    asked_differently: bool = False


def comparison_doubts(comparison: Comparison, pair: Pair, around: Surroundings) -> tuple[Doubt, ...]:
    """The doubts of one concluded comparison, in the order of ``Doubt``."""
    disturbed = [block for block in around.pressure if block.block in set(pair.blocks)]
    holds = {
        Doubt.FEW_BLOCKS: not can_reject(comparison.blocks, around.family),
        Doubt.SCREENING: comparison.is_screening,
        Doubt.NO_NULL_ARM: comparison.noise_floor_s is None and comparison.difference is not None,
        Doubt.NULL_ARM_DIFFERS: around.null_differs,
        Doubt.CPU_PRESSURE: any(map(short_of_cpu, disturbed)),
        Doubt.STEAL: any(map(robbed, disturbed)),
        Doubt.FAILED_CALLS: pair.base_side.failed + pair.arm_side.failed > 0,
        Doubt.EXTRA_ATTEMPTS: pair.base_side.repeated + pair.arm_side.repeated > 0,
        Doubt.DIFFERENT_HTTP_LIBRARY: pair.base_side.http_library != pair.arm_side.http_library,
        Doubt.DIFFERENT_QUESTION: around.asked_differently,
        Doubt.SENSITIVE_TO_PRESSURE: _is_sensitive(comparison),
    }
    return in_order(doubt for doubt, present in holds.items() if present)


def in_order(doubts: Iterable[Doubt]) -> tuple[Doubt, ...]:
    """Each doubt once, in the order of the enumeration."""
    present = set(doubts)
    return tuple(doubt for doubt in Doubt if doubt in present)


def _is_sensitive(comparison: Comparison) -> bool:
    without = comparison.without_pressured_blocks
    if comparison.difference is None or without is None:
        return False
    return excludes_zero(comparison.difference) != excludes_zero(without)
