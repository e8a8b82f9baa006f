"""Owns what the evidence says of a configuration that somebody has: each limit beside what calls were seen to need.

Pure. A limit far above what a healthy call needs waits that long for every hang; one below cuts healthy calls off, and
how many is read off the calls themselves. Called by ``commands``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from harness.analysis.findings import Findings
from harness.analysis.limits.hangs import separate
from harness.analysis.limits.survival import survival
from harness.analysis.limits.waits import Observed, Wait
from harness.configs.stated import Stated
from harness.recommend.aim import Aim
from harness.recommend.ground import duration
from harness.recommend.limit import limit_of
from harness.recommend.retries import worst_case_s
from harness.vocabulary import FaultSetting, Grade

FAR_ABOVE = 3.0
"""A limit this many times what healthy calls need is no limit: a hang costs what it allows."""

ROUTER_DEFAULT_S = 6000.0
"""LiteLLM's Router where no timeout is stated."""


_YAML_ARM = "litellm_router"
"""What a call goes through whose limits stand in LiteLLM's YAML, wherever in it they stand."""


class Word(StrEnum):
    """What a line of advice amounts to."""

    FINE = "fine"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    MULTIPLIES = "multiplies"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Advice:
    """One line: of which model and setting, what it amounts to, and why."""

    model: str
    setting: str
    word: Word
    why: str


def advise(stated: Sequence[Stated], findings: Findings, aim: Aim) -> Iterator[Advice]:
    """A line per limit that the configuration states, or leaves out, and one for what one call can turn into."""
    for each in stated:
        for stream, key, seconds in _limits(each):
            yield _of_limit(each, key, seconds, _observed(findings, each, stream), aim)
        yield from _of_retries(each, findings)


def _limits(stated: Stated) -> Iterator[tuple[bool, str, float]]:
    """(stream, name, seconds) of what bounds a call's waits."""
    if stated.total_s is not None:
        yield False, "total_timeout", stated.total_s
        return
    default = ROUTER_DEFAULT_S if stated.client == "litellm" else None
    if (whole := stated.timeout_s if stated.timeout_s is not None else default) is not None:
        yield False, "timeout", whole
    streamed = stated.stream_timeout_s if stated.stream_timeout_s is not None else stated.timeout_s
    if (streamed := streamed if streamed is not None else default) is not None:
        yield True, "stream_timeout", streamed


def _observed(findings: Findings, stated: Stated, stream: bool) -> Observed | None:
    """The calls of that model with the largest budget, in the shape asked for or else the other."""
    mine = [each for each in findings.observed if _is_same(each, stated)]
    return max(mine, key=lambda o: (o.condition.stream is stream, o.condition.max_tokens or 0), default=None)


def _is_same(observed: Observed, stated: Stated) -> bool:
    names = {stated.model, stated.name, f"{stated.provider}/{stated.model}"}
    return observed.condition.model in names or observed.condition.model.rpartition("/")[2] in names


def _of_limit(stated: Stated, key: str, seconds: float, observed: Observed | None, aim: Aim) -> Advice:
    name, said = stated.name, f"your {key}: {seconds:g}"
    if observed is None:
        why = f"{said} stands beside no evidence: no call of this model was measured or imported"
        return Advice(name, key, Word.UNKNOWN, why)
    wait = Wait.TOTAL if key in ("timeout", "total_timeout") or not observed.condition.stream else Wait.FIRST_CHUNK
    limit = limit_of(observed.waits(wait, aim.patience), aim.false_timeout_rate, aim.now_s)
    healthy = separate(observed.waits(wait, aim.patience)).healthy
    cut = survival(healthy).beyond(seconds) if len(healthy) else 0.0
    needs = f"1 − {aim.false_timeout_rate:g} quantile"
    if limit.bound_s is None:
        if cut > aim.false_timeout_rate and limit.n * cut >= 3:
            why = f"{said} would have cut off {cut:.2%} of {limit.n} healthy calls"
            return Advice(name, key, Word.TOO_SHORT, why)
        why = f"{said} cannot be judged: {limit.gates[0] if limit.gates else 'too few calls'}"
        return Advice(name, key, Word.UNKNOWN, why)
    grade = "certified" if limit.grade is Grade.CERTIFIED else "provisional"
    times = seconds / limit.bound_s
    if seconds < limit.bound_s:
        why = (
            f"{said} lies below the {grade} bound of the {needs}, {duration(limit.bound_s)} (n = {limit.n}): it "
            f"would have cut off {cut:.2%} of healthy calls"
        )
        return Advice(name, key, Word.TOO_SHORT, why)
    why = f"{said} is {times:.3g} × the {grade} bound of the {needs}, {duration(limit.bound_s)} (n = {limit.n})"
    if times > FAR_ABOVE:
        return Advice(name, key, Word.TOO_LONG, f"{why}: a call that hangs is waited for that long")
    return Advice(name, key, Word.FINE, why)


def _of_retries(stated: Stated, findings: Findings) -> Iterator[Advice]:
    """Requests that one call becomes, where the fault matrix saw this client asked for as many retries."""
    limit_s = stated.total_s if stated.total_s is not None else stated.timeout_s
    key = stated.retries_key
    if stated.retries is None:
        return
    asked = stated.retries + 1
    seen = [
        each
        for each in findings.retries
        if each.setting == FaultSetting.RETRYING
        and each.retries_asked == stated.retries
        and each.provider == stated.provider
        and each.arm == _YAML_ARM
    ]
    most = max(seen, key=lambda each: each.requests, default=None)
    if stated.client == "litellm" and most is not None and most.requests > asked:
        yield Advice(
            stated.name,
            key,
            Word.MULTIPLIES,
            f"your {key}: {stated.retries} means {most.requests} requests where {asked} were asked for ({most.arm}, "
            f"{most.mode}, measured)",
        )
    elif limit_s is not None:
        worst = worst_case_s(limit_s, stated.retries)
        why = f"one call can take {duration(worst)}: {asked} × {duration(limit_s)} and the pauses between"
        yield Advice(stated.name, key, Word.FINE if worst < 10 * limit_s else Word.TOO_LONG, why)
