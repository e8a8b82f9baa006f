"""The recommended settings beside their evidence, and the configuration to copy."""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.findings import LatencyModel
from harness.recommend.setting import EXTRAPOLATED, AppliesTo, Guarantee, Setting
from harness.report import format as fmt
from harness.report.material import Material
from harness.report.words import arm_name
from harness.vocabulary import Grade

TITLE = "Settings"

GRADES = {
    Grade.CERTIFIED: "certified",
    Grade.PROVISIONAL: "provisional",
    Grade.EXAMPLE: "example — from authored latencies, not advice",
    Grade.INSUFFICIENT_DATA: "insufficient data — no value",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One setting, every field in words."""

    name: str
    value: str
    condition: str
    grade: str
    grade_label: str
    guarantee: str
    sample: str
    required: str
    origin: str
    why: str
    evidence: tuple[str, ...]
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Latency:
    """The figures that authored time limits come from."""

    model: str
    origin: str
    formula: str
    p95: str
    n: str
    source: str


@dataclass(frozen=True, slots=True)
class Context:
    """What the template shows."""

    rows: tuple[Row, ...]
    has_examples: bool
    config: str
    latencies: tuple[Latency, ...]


def context(material: Material) -> Context:
    """Every setting in the order of the recommendation."""
    return Context(
        rows=tuple(_row(setting) for setting in material.settings),
        has_examples=any(setting.grade is Grade.EXAMPLE for setting in material.settings),
        config=fmt.plain(material.config_text, keep="\n\t"),
        latencies=tuple(_latency(model) for model in material.findings.latencies),
    )


def condition(applies: AppliesTo) -> str:
    """Where a setting holds: ``LiteLLM · gpt-5-mini · streamed · up to 300 tokens``; ``everywhere``."""
    parts = [arm_name(applies.client)] if applies.client else []
    parts += [fmt.plain(part) for part in (applies.mode, applies.model or applies.provider) if part]
    if applies.request_stream is not None:
        parts.append("streamed" if applies.request_stream else "whole")
    if applies.max_tokens is not None:
        parts.append(f"up to {fmt.count(applies.max_tokens)} tokens")
    return " · ".join(parts) or "everywhere"


def _row(setting: Setting) -> Row:
    days = "" if setting.days is None else f" over {setting.days} day{'' if setting.days == 1 else 's'}"
    return Row(
        name=fmt.plain(setting.setting),
        value=fmt.plain(fmt.setting_value(setting.value, setting.unit)),
        condition=condition(setting.applies_to),
        grade=setting.grade.value,
        grade_label=GRADES[setting.grade],
        guarantee=_guarantee(setting.guarantee),
        sample=fmt.NONE if setting.n is None else f"{fmt.count(setting.n)}{days}",
        required=fmt.count(setting.required_n),
        origin=fmt.NONE if setting.origin is None else fmt.plain(setting.origin),
        why=fmt.plain(setting.why),
        evidence=tuple(fmt.plain(line) for line in setting.evidence),
        doubts=tuple(fmt.plain(doubt) for doubt in setting.doubts),
    )


def _guarantee(guarantee: Guarantee | None) -> str:
    if guarantee is None:
        return fmt.NONE
    rate = fmt.percent(guarantee.false_timeout_rate)
    if guarantee.kind == EXTRAPOLATED:
        return f"none: extrapolated, aims at {rate} false timeouts"
    level = "" if guarantee.confidence is None else f", {fmt.percent(guarantee.confidence)} confidence"
    return f"at most {rate} false timeouts{level} ({fmt.plain(guarantee.kind)})"


def _latency(model: LatencyModel) -> Latency:
    per_token = fmt.duration(model.per_output_token_s)
    return Latency(
        model=fmt.plain(model.model),
        origin=fmt.plain(model.origin),
        formula=f"{fmt.duration(model.base_s)} + {per_token} per output token",
        p95=fmt.duration(model.p95_s),
        n=fmt.count(model.n),
        source=fmt.plain(model.source),
    )
