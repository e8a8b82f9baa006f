"""How every number was made, and what was not measured. Fixed text beside the metrics' own formulas."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.metrics import DEFINITIONS, METRICS
from harness.report.material import Material

TITLE = "Method"

NOT_MEASURED = (
    "Concurrency: every number here comes from one request at a time.",
    "Networks: client and backend talk over loopback; TLS, DNS and the provider's own time are outside.",
    "Faults: hangs, stalls, resets and 429s have their own plan.",
    "Other SDK and LiteLLM features: routing, fallbacks, callbacks, caching and the proxy were off.",
)


@dataclass(frozen=True, slots=True)
class Formula:
    """One metric and how it is computed."""

    name: str
    formula: str
    description: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    metrics: tuple[Formula, ...]
    definitions: tuple[tuple[str, str], ...]
    not_measured: tuple[str, ...]


def context(material: Material) -> Context:
    """The same for every run, so that two pages can be compared."""
    del material
    return Context(
        metrics=tuple(Formula(metric.name.replace("_", " "), metric.formula, metric.description) for metric in METRICS),
        definitions=DEFINITIONS,
        not_measured=NOT_MEASURED,
    )
