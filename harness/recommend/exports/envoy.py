"""The settings as durations for a proxy in front: Gateway API's ``HTTPRoute`` rules, and Envoy's route fields beside
them.

``backendRequest`` (Envoy: ``per_try_timeout``) is one attempt, ``request`` (Envoy: ``timeout``) all of them and what is
between; ``per_try_idle_timeout`` is the silence inside an attempt. Durations are written as both read them (GEP-2257).
Called through ``exports``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

from harness.recommend.exports.litellm import quoted
from harness.recommend.remarks import comment, refusal, standing
from harness.recommend.setting import Setting

_HEAD = "Rules for an HTTPRoute of the Gateway API. EXAMPLE means: derived from authored latencies, not advice."


def export(settings: Iterable[Setting], run_ids: Sequence[str], date: str) -> str:
    """The file as YAML text."""
    every = list(settings)
    lines = [comment(_HEAD), *(comment(f"From run {run_id}") for run_id in sorted(set(run_ids)))]
    models = sorted({(s.applies_to.provider or "", s.applies_to.model) for s in every if s.applies_to.model})
    lines.append("rules:\n" if models else "rules: []\n")
    for provider, model in models:
        lines += _rule(
            provider,
            model,
            [s for s in every if (s.applies_to.provider or "", s.applies_to.model) == (provider, model)],
            date,
        )
    return "".join(lines)


def _rule(provider: str, model: str, settings: Sequence[Setting], date: str) -> Iterator[str]:
    yield f"  - name: {quoted(f'{provider}/{model}')}\n"
    yield "    timeouts:\n"
    total = _largest(settings, "total_timeout")
    worst = _largest(settings, "worst_case_total") or total
    yield from _duration("request", worst, date, 6)
    yield from _duration("backendRequest", total, date, 6)
    retries = _largest(settings, "retries")
    if retries is not None and isinstance(retries.value, int) and retries.value:
        yield f"    retry:  {comment(standing(retries, date))}"
        yield f"      attempts: {retries.value}\n      backoff: 500ms\n      codes: [429, 500, 502, 503, 504]\n"
    gap = _largest(settings, "inter_chunk_timeout")
    if gap is not None and gap.value is not None:
        yield f"    # Envoy, per_try_idle_timeout: {duration(float(str(gap.value)))} ({standing(gap, date)})\n"


def _largest(settings: Sequence[Setting], name: str) -> Setting | None:
    """Of several shapes and budgets the longest: a route knows neither. A refusal only where there is nothing else."""
    found = [s for s in settings if s.setting == name]
    known = [s for s in found if isinstance(s.value, int | float)]
    return max(known, key=lambda s: float(str(s.value)), default=found[0] if found else None)


def _duration(key: str, setting: Setting | None, date: str, columns: int) -> Iterator[str]:
    indent = " " * columns
    if setting is None:
        yield f"{indent}{comment(f'{key}: not measured')}"
    elif setting.value is None:
        yield "".join(indent + line for line in refusal(setting, key, 100).splitlines(keepends=True))
    else:
        yield f"{indent}{key}: {duration(float(str(setting.value)))}  {comment(standing(setting, date))}"


def duration(seconds: float) -> str:
    """Rounded up to a duration that both read: whole milliseconds below a minute and a half, whole seconds above."""
    milliseconds = math.ceil(seconds * 1000 - 1e-6)
    if milliseconds % 1000 == 0 or milliseconds > 99_999:
        return f"{math.ceil(milliseconds / 1000)}s"
    return f"{milliseconds}ms"
