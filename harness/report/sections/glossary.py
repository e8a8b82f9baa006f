"""The words of the page, in the field's meaning."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.material import Material

TITLE = "Glossary"

TERMS = (
    (
        "A/A control, null arm",
        "the native arm a second time in a process of its own: any difference is the instrument's",
    ),
    ("arm", "one call path inside a cell: bare HTTP, the openai SDK, LiteLLM"),
    ("attempt", "one HTTP request; a retry makes a second attempt of the same call"),
    ("authored", "a service latency written from published figures, not recorded from the provider"),
    ("block", "one set of fresh processes, one per arm, driven in lock-step; the unit of inference"),
    ("call", "what the user awaits, from the SDK's entry to its return or the last chunk"),
    ("cell", "provider × model × operation × mode × stream × load: one comparable condition"),
    ("certified, provisional, example, insufficient data", "how far a setting may be trusted; the last has no value"),
    ("hot, paced", "calls back to back without service time, or with service time and gaps as in real use"),
    ("K and n", "blocks, and measured calls per arm, cell and block"),
    ("minimum detectable effect", "the smallest true difference these blocks would probably have found"),
    ("noise floor", "the farther end of the A/A interval in the same cell; smaller effects are not claimed"),
    ("overhead", "wall time of a call minus what the backend itself took, both measured"),
    ("whole, streamed", "the answer as one body, or as server-sent events"),
)


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    terms: tuple[tuple[str, str], ...]


def context(material: Material) -> Context:
    """Fixed text."""
    del material
    return Context(TERMS)
