"""Owns the findings beside overhead comparisons: what was asked, moved, billed, validated, and how cost grows.

Values only, parts of ``findings.Findings``; all durations are float seconds. Each is computed by a module of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.keys import CellKey, Interval


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
class WireParameters:
    """What an arm put on the wire in one cell beside model, prompt and tools: (key as spelled, value), sorted."""

    cell: CellKey
    arm: str
    parameters: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes and connections of one arm in one cell: medians per call, connections used, share of calls on kept ones."""

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
    ``linearity`` is the share of the variance between sizes that a line through the points explains (R²; None with two
    sizes, where every line fits). ``base`` is the native SDK of the same condition and ``slope_over_base`` the
    difference of slopes, paired per block; for a control that is the A/A difference. ``client`` and ``http_library``
    are names with versions.
    """

    run_id: str
    provider: str
    model: str
    mode: str
    load: str
    axis: str
    arm: str
    client: str
    http_library: str
    blocks: int
    points: tuple[GrowthPoint, ...]
    slope: Interval | None
    slope_median_s: float
    linearity: float | None
    base: str | None
    slope_over_base: Interval | None


@dataclass(frozen=True, slots=True)
class UsageAudit:
    """A client's token counts of an answer beside the truth, kind by kind: ``equal``, ``missing`` or ``different``.

    Silence about no tokens is equal; of calls that disagree the worst word stands. ``input`` includes cached tokens and
    ``output`` reasoning.
    """

    input: str
    cached: str
    output: str
    reasoning: str


COST_TOLERANCE = 0.005
"""A reported cost within this share of tokens × list price agrees with it."""


@dataclass(frozen=True, slots=True)
class CostAudit:
    """What a client says that a call cost, beside tokens × list price. USD per call, over the ``calls`` that succeeded.

    Tokens are the cassette's. ``list_price_usd`` is None where the price list lacks the model, ``reported_usd`` (the
    median) where the client says nothing; ``reported_distinct`` counts the different values for the same answer.
    """

    cell: CellKey
    arm: str
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    list_price_usd: float | None
    reported_usd: float | None
    reported_distinct: int
    usage: UsageAudit

    @property
    def factor(self) -> float | None:
        """Reported cost over list price; None where there is no such ratio."""
        if self.reported_usd is None or not self.list_price_usd:
            return None
        return self.reported_usd / self.list_price_usd

    @property
    def word(self) -> str:
        """``agrees``, ``missing``, ``zero``, ``differs`` or, without a list price, ``unpriced``."""
        if self.reported_usd is None:
            return "missing"
        if self.list_price_usd is None:
            return "unpriced"
        if abs(self.reported_usd - self.list_price_usd) <= COST_TOLERANCE * self.list_price_usd:
            return "agrees"
        return "differs" if self.reported_usd else "zero"


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
    """Structured answers of one arm in one cell: our validator's word, and the client's own.

    Of ``calls``, ``judged`` gave a text to validate and ``valid`` of those were valid; ``unnoticed`` counts the invalid
    ones that the client handed out without complaint. ``verdicts`` leaves out calls of which the client said nothing.
    """

    cell: CellKey
    arm: str
    calls: int
    judged: int
    valid: int
    unnoticed: int
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
