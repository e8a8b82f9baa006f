"""Owns ``Findings``: the one object that leaves analysis. ``recommend`` and ``report`` read it and nothing else.

All durations are float seconds; fractions are fractions. Everything is frozen and, but for the samples in ``observed``,
JSON-serialisable through ``dataclasses.asdict``. Must not compute (``comparisons`` does) or format (``report`` does).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.analysis.audits import (
    CostAudit,
    Growth,
    JobEnding,
    OverheadAudit,
    Sameness,
    StructureAudit,
    Switch,
    Traffic,
    WireParameters,
)
from harness.analysis.keys import CellKey as CellKey
from harness.analysis.keys import Interval as Interval
from harness.analysis.limits.curves import LimitCurve
from harness.analysis.limits.waits import Observed
from harness.analysis.outcomes import FaultOutcome, OutageFacts, RetryFacts, Unclassified
from harness.analysis.providers import ProviderLatency


class Verdict(StrEnum):
    """What may be said about one difference, strongest statement first; exactly one holds.

    slower / faster: the Holm-adjusted exact test rejects zero, the t cross-check agrees, the effect exceeds the
    noise floor.
    below_noise: zero is excluded, yet the effect is within the run's own A/A bound: suppressed.
    inconclusive: the exact interval and the t cross-check disagree about zero, or Holm withdraws the rejection, or
    zero is excluded and the cell has no null arm to hold the effect against.
    no_difference: the interval covers zero; the minimum detectable effect says what could have been seen.
    not_enough_blocks: K < 6, no interval exists.
    """

    SLOWER = "slower"
    FASTER = "faster"
    BELOW_NOISE = "below_noise"
    INCONCLUSIVE = "inconclusive"
    NO_DIFFERENCE = "no_difference"
    NOT_ENOUGH_BLOCKS = "not_enough_blocks"


class Doubt(StrEnum):
    """The closed list of reasons to trust a number less. ``doubts.ADVICE`` says what to do about each."""

    FEW_BLOCKS = "few_blocks"
    SCREENING = "screening"
    NO_NULL_ARM = "no_null_arm"
    NULL_ARM_DIFFERS = "null_arm_differs"
    CPU_PRESSURE = "cpu_pressure"
    STEAL = "steal"
    BACKEND_DELAYED = "backend_delayed"
    PACING_ERROR = "pacing_error"
    CLOCK_STEPPED = "clock_stepped"
    NO_KERNEL_STAMPS = "no_kernel_stamps"
    CAUSALITY_VIOLATED = "causality_violated"
    DELAYED_ACK_BAND = "delayed_ack_band"
    FAILED_CALLS = "failed_calls"
    EXTRA_ATTEMPTS = "extra_attempts"
    LOST_WORKER = "lost_worker"
    THROTTLED = "throttled"
    INCOMPLETE_RUN = "incomplete_run"
    AUTHORED_LATENCIES = "authored_latencies"
    DIFFERENT_HTTP_LIBRARY = "different_http_library"
    DIFFERENT_QUESTION = "different_question"
    SENSITIVE_TO_PRESSURE = "sensitive_to_pressure"
    SURVIVORSHIP = "survivorship"
    CHANGED_LATELY = "changed_lately"
    STALE = "stale"
    UNDATED = "undated"
    POSSIBLE_HANGS = "possible_hangs"
    NO_OUTPUT_BUDGET = "no_output_budget"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Arm minus base arm in one cell (or async minus sync of one arm), over K blocks of n calls each.

    ``difference`` and the other intervals are None when K < 6. ``block_differences_s`` holds the K raw values, so that
    a reader can redo the statistics. ``noise_floor_s`` is the A/A bound of the same cell (None without a null arm).
    """

    metric: str
    cell: CellKey
    base: str
    arm: str
    blocks: int
    calls_per_block: int
    median_difference_s: float
    difference: Interval | None
    t_interval: Interval | None
    ratio: Interval | None
    p95_difference: Interval | None
    cpu_difference: Interval | None
    without_pressured_blocks: Interval | None
    p_value: float | None
    p_holm: float | None
    minimum_detectable_s: float | None
    noise_floor_s: float | None
    is_null: bool
    is_screening: bool
    verdict: Verdict
    block_differences_s: tuple[float, ...]
    doubts: tuple[Doubt, ...]


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One arm in one cell, pooled over blocks, successful calls only; failures are counted beside, never pooled.

    A percentile is None where n does not carry it (p99: 500, p99.9: 5,000). ``ecdf_s`` are at most 200 points
    (overhead in seconds at equally spaced probabilities). Stream-only fields are None for whole answers.
    ``content_*``, ITL and TPOT follow the formulas in ``metrics``.
    """

    cell: CellKey
    arm: str
    client: str
    client_version: str
    http_library: str
    http_library_version: str
    calls: int
    failed: int
    censored: int
    overhead_p50_s: float
    overhead_p95_s: float | None
    overhead_p99_s: float | None
    overhead_p999_s: float | None
    pre_send_p50_s: float
    post_receive_p50_s: float
    duration_p50_s: float
    cpu_p50_s: float
    gc_mean_s: float
    gc_max_s: float
    first_chunk_p50_s: float | None
    first_chunk_delivery_p50_s: float | None
    chunk_delivery_p50_s: float | None
    tail_p50_s: float | None
    chunks_p50: float | None
    reported_overhead_p50_s: float | None
    attempts_per_call: float
    connection_reuse: float
    ecdf_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One step of the stack HTTP → SDK → LiteLLM in one cell: what this layer adds over the one below (seconds)."""

    cell: CellKey
    arm: str
    label: str
    adds_s: float
    interval: Interval | None
    cumulative_s: float


@dataclass(frozen=True, slots=True)
class ColdSummary:
    """Fresh-process costs of one arm and mode: medians with min and max over ``repeats`` processes."""

    arm: str
    mode: str
    repeats: int
    import_s: tuple[float, float, float]
    first_call_s: tuple[float, float, float]
    modules_loaded: int
    rss_import_bytes: int
    rss_after_bytes: int
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class LatencyModel:
    """Latency of a provider's model as the cassettes state it (see ``harness.cassette.LatencyFigures``)."""

    provider: str
    model: str
    origin: str
    base_s: float
    per_output_token_s: float
    log_sigma: float
    tail_factor: float
    p95_s: float | None
    n: int | None
    max_tokens: int | None
    source: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """Provenance of one run. ``environment`` are (label, value) pairs of the fingerprint."""

    run_id: str
    plan_name: str
    plan_sha256: str
    started_at: str
    duration_s: float | None
    seed: int
    backend: str
    is_complete: bool
    blocks_done: int
    blocks_planned: int
    git_commit: str | None
    harness_version: str
    schema_version: int
    environment: tuple[tuple[str, str], ...]
    pressured_blocks: tuple[int, ...]
    lost_workers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SelfTest:
    """One line of the instrument's test of itself: what was planted or counted, what was found, and the bound."""

    name: str
    found: str
    required: str
    passed: bool
    measured_at: str


@dataclass(frozen=True, slots=True)
class Headline:
    """The first screen's answer: LiteLLM − native SDK, paced (hot where none is), of each provider's first model."""

    comparisons: tuple[Comparison, ...]
    null_comparisons: tuple[Comparison, ...]
    load: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that was concluded from one or more runs."""

    runs: tuple[RunSummary, ...]
    headline: Headline
    comparisons: tuple[Comparison, ...]
    modes: tuple[Comparison, ...]
    summaries: tuple[ArmSummary, ...]
    layers: tuple[Layer, ...]
    cold: tuple[ColdSummary, ...]
    latencies: tuple[LatencyModel, ...]
    doubts: tuple[Doubt, ...]
    calls_total: int
    calls_failed: int
    causality_violations: int
    self_tests: tuple[SelfTest, ...]
    sameness: tuple[Sameness, ...] = ()
    parameters: tuple[WireParameters, ...] = ()
    traffic: tuple[Traffic, ...] = ()
    growth: tuple[Growth, ...] = ()
    costs: tuple[CostAudit, ...] = ()
    overheads: tuple[OverheadAudit, ...] = ()
    structures: tuple[StructureAudit, ...] = ()
    jobs: tuple[JobEnding, ...] = ()
    switches: tuple[Switch, ...] = ()
    faults: tuple[FaultOutcome, ...] = ()
    retries: tuple[RetryFacts, ...] = ()
    outages: tuple[OutageFacts, ...] = ()
    unclassified: tuple[Unclassified, ...] = ()
    providers: tuple[ProviderLatency, ...] = ()
    observed: tuple[Observed, ...] = ()
    curves: tuple[LimitCurve, ...] = ()
