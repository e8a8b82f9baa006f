"""Owns ``Findings``: the one object that leaves analysis. ``recommend`` and ``report`` read it and nothing else.

All durations are float seconds; fractions are fractions. Everything is frozen and JSON-serialisable through
``dataclasses.asdict``. Must not compute (``comparisons`` does) or format (``report`` does).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    INCOMPLETE_RUN = "incomplete_run"
    AUTHORED_LATENCIES = "authored_latencies"
    DIFFERENT_HTTP_LIBRARY = "different_http_library"
    DIFFERENT_QUESTION = "different_question"
    SENSITIVE_TO_PRESSURE = "sensitive_to_pressure"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its confidence interval; ``method`` names the procedure, ``confidence`` the level attained."""

    estimate: float
    low: float
    high: float
    confidence: float
    method: str


@dataclass(frozen=True, slots=True)
class CellKey:
    """Which condition a number belongs to. Runs are never pooled, so the run is part of the key."""

    cell_id: str
    provider: str
    model: str
    workload: str
    mode: str
    stream: bool
    load: str
    backend: str
    origin: str
    run_id: str = ""
    operation: str = "chat"


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


@dataclass(frozen=True, slots=True)
class SelfTest:
    """One line of the instrument's test of itself: what was planted or counted, what was found, and the bound."""

    name: str
    found: str
    required: str
    passed: bool
    measured_at: str


@dataclass(frozen=True, slots=True)
class WireDifference:
    """One difference between two requests: ``kind`` is added, dropped, renamed or changed (as seen from the base).

    ``place`` is body, header or target. ``matters`` says that the provider was asked for something else; a spelling, a
    header of the library's own or a synonym does not.
    """

    kind: str
    place: str
    key: str
    base_value: str
    arm_value: str
    matters: bool


@dataclass(frozen=True, slots=True)
class Sameness:
    """What an arm put on the wire beside what the native SDK did, in one cell."""

    cell: CellKey
    base: str
    arm: str
    base_bytes: int
    arm_bytes: int
    differences: tuple[WireDifference, ...]

    @property
    def is_same_question(self) -> bool:
        """No difference that matters."""
        return not any(difference.matters for difference in self.differences)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes and connections of one arm in one cell: medians per call, connections opened, share of calls on kept ones."""

    cell: CellKey
    arm: str
    calls: int
    request_bytes_p50: float
    response_bytes_p50: float
    connections: int
    reuse: float


@dataclass(frozen=True, slots=True)
class GrowthPoint:
    """Overhead at one size: the median over blocks of the blocks' medians."""

    size: float
    overhead_p50_s: float
    calls: int


@dataclass(frozen=True, slots=True)
class Growth:
    """How an arm's overhead grows along one axis (``kilobytes`` of answer, ``chunks``, ``messages``, ``tools``).

    ``slope`` is in seconds per unit of the axis: per block the least-squares slope over the sizes, over blocks the
    Hodges–Lehmann estimate with its exact interval (None below six blocks; ``slope_median_s`` stands for it).
    """

    run_id: str
    provider: str
    model: str
    mode: str
    axis: str
    arm: str
    blocks: int
    points: tuple[GrowthPoint, ...]
    slope: Interval | None
    slope_median_s: float


@dataclass(frozen=True, slots=True)
class CostAudit:
    """What a client says that a call cost, beside tokens × list price. USD per call; None where the client says nothing.

    ``reported_distinct`` counts how many different values the client gave for the same answer.
    """

    cell: CellKey
    arm: str
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    list_price_usd: float
    reported_usd: float | None
    reported_distinct: int


@dataclass(frozen=True, slots=True)
class OverheadAudit:
    """LiteLLM's own figure for its overhead beside the measured one; medians over calls, seconds."""

    cell: CellKey
    arm: str
    calls: int
    reported_p50_s: float
    measured_p50_s: float


@dataclass(frozen=True, slots=True)
class StructureAudit:
    """Structured answers of one arm in one cell: our validator's word, and the client's own."""

    cell: CellKey
    arm: str
    calls: int
    valid: int
    outcomes: tuple[tuple[str, int], ...]
    verdicts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class JobEnding:
    """How the background jobs of one arm in one cell ended: (outcome, error type) with counts; requests per job."""

    cell: CellKey
    arm: str
    calls: int
    endings: tuple[tuple[str, str | None, int], ...]
    requests_per_call: float
    duration_p50_s: float


@dataclass(frozen=True, slots=True)
class Switch:
    """Turning to another model in a warm process: (median, min, max) over ``repeats`` processes, seconds.

    ``shares_client`` says that the library's client object was kept; ``typical_s`` is the median call of that cell.
    """

    run_id: str
    arm: str
    mode: str
    from_model: str
    to_model: str
    repeats: int
    shares_client: bool
    process_first_s: tuple[float, float, float]
    model_first_s: tuple[float, float, float]
    typical_s: float


@dataclass(frozen=True, slots=True)
class Headline:
    """The first screen's answer: LiteLLM minus native SDK, paced (hot where none is), of each provider's first model."""

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
    sameness: tuple[Sameness, ...]
    traffic: tuple[Traffic, ...]
    growth: tuple[Growth, ...]
    costs: tuple[CostAudit, ...]
    overheads: tuple[OverheadAudit, ...]
    structures: tuple[StructureAudit, ...]
    jobs: tuple[JobEnding, ...]
    switches: tuple[Switch, ...]
    doubts: tuple[Doubt, ...]
    calls_total: int
    calls_failed: int
    causality_violations: int
    self_tests: tuple[SelfTest, ...]
