"""Owns ``Setting``: one line of the recommended configuration with everything that says how far to trust it.

Must not decide anything: ``rules`` build settings, ``exports`` render them, ``report`` shows them.
The field order is the order of the published document (``recommendations.schema.json``).

``origin`` says where the provider latencies behind a value come from; it is None where no provider latency took part
(a client's own cost is what remains after the backend's time was subtracted). ``doubts`` are values of
``analysis.findings.Doubt``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.vocabulary import Grade, Origin

EXTRAPOLATED = "extrapolated"
"""Guarantee kind of a value read off a fitted curve: it aims at a rate and promises nothing."""

Value = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class AppliesTo:
    """The condition under which a setting holds; None means any."""

    client: str | None = None
    mode: str | None = None
    provider: str | None = None
    model: str | None = None
    request_stream: bool | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Guarantee:
    """What a limit promises: at most ``false_timeout_rate`` of healthy calls cut off, with this confidence.

    ``confidence`` is None for ``EXTRAPOLATED``, which only aims at the rate.
    """

    kind: str
    false_timeout_rate: float | None
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Setting:
    """One recommended setting, or the refusal to recommend one (``insufficient_data``: no value, ever).

    ``n`` counts what ``why`` names (calls, blocks, processes); ``days`` the distinct days they came from;
    ``required_n`` what a certified value (or, for a refusal, any value) needs.
    """

    setting: str
    value: Value
    unit: str | None
    applies_to: AppliesTo
    grade: Grade
    guarantee: Guarantee | None
    n: int | None
    days: int | None
    required_n: int | None
    origin: str | None
    evidence: tuple[str, ...]
    why: str
    doubts: tuple[str, ...]

    def __post_init__(self) -> None:
        """Hold the invariants of the grades. Raises ValueError: a rule that breaks one is a bug."""
        refused = self.grade is Grade.INSUFFICIENT_DATA
        if refused != (self.value is None):
            raise ValueError(f"{self.setting}: {self.grade} with value {self.value!r}: only a refusal has no value")
        if refused and self.guarantee is not None:
            raise ValueError(f"{self.setting}: a refusal guarantees nothing")
        if not refused and (self.grade is Grade.EXAMPLE) != (self.origin == Origin.AUTHORED):
            raise ValueError(
                f"{self.setting}: {self.grade} from origin {self.origin}: authored data yield examples only"
            )
        if self.grade in (Grade.CERTIFIED, Grade.PROVISIONAL) and self.n is None:
            raise ValueError(f"{self.setting}: {self.grade} without n")
        if isinstance(self.value, float) and not math.isfinite(self.value):
            raise ValueError(f"{self.setting}: {self.value} is not a value")
