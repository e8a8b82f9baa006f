"""The settings as LiteLLM's configuration, for the proxy (``litellm --config``) and ``litellm.Router``.

What the knobs really do decides what goes into them: ``timeout`` and ``stream_timeout`` bound each socket read and not
the call, so a stream's one knob must spare the first chunk and the longest gap both; retries are the Router's, and all
layers beneath have 0. No knob is a deadline: the file says so, and where to find the guard that is one. Called through
``exports``; ``harness verify`` runs the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.recommend.remarks import comment, paragraph, refusal, standing
from harness.recommend.setting import Setting, Value
from harness.vocabulary import Grade

HEAD = (
    "LiteLLM: litellm --config FILE, or litellm.Router(model_list=..., **router_settings).",
    "Written by `harness recommend --format litellm`. After each value: its grade, the sample behind it, what it "
    "guarantees, and when it was measured. EXAMPLE means: derived from authored latencies, not advice.",
    "timeout and stream_timeout bound each read and not the call: an answer that drips is never cut off by them. Where "
    "a call must end, put harness.guard round it, with the total_timeout that stands in a comment beside each model.",
)

_PREFIX = {"openai": "openai", "anthropic": "anthropic", "gemini": "gemini", "google": "gemini", "azure": "azure"}
_KEYS = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "gemini": "GEMINI_API_KEY",
    "azure": "AZURE_API_KEY",
}
_MENDED = ("BadRequestError", "AuthenticationError", "ContentPolicyViolationError")
"""Errors that the same request meets again."""

_TRIED_AGAIN = ("TimeoutError", "RateLimitError", "InternalServerError", "ServiceUnavailableError")


@dataclass(frozen=True, slots=True)
class _Model:
    """One model with the settings that hold for it, whole and streamed."""

    provider: str
    model: str
    settings: tuple[Setting, ...]

    @property
    def name(self) -> str:
        """What callers ask for."""
        return self.model

    @property
    def route(self) -> str:
        """What LiteLLM calls it: with its provider in front."""
        prefix = _PREFIX.get(self.provider, self.provider)
        return self.model if self.model.startswith(f"{prefix}/") or prefix == "unknown" else f"{prefix}/{self.model}"

    @property
    def key(self) -> str:
        """The environment variable that LiteLLM reads the key from."""
        prefix = _PREFIX.get(self.provider, self.provider)
        return _KEYS.get(prefix, f"{prefix.upper().replace('-', '_')}_API_KEY")

    def of(self, name: str, stream: bool) -> Setting | None:
        """A setting by name and shape, of the largest output budget; one for both shapes where there is no other."""
        found = [s for s in self.settings if s.setting == name and s.applies_to.request_stream in (stream, None)]
        return max(found, key=lambda s: s.applies_to.max_tokens or 0, default=None)


def export(settings: Iterable[Setting], run_ids: Sequence[str], date: str) -> str:
    """The file as YAML text; ``date`` stands in every comment."""
    every = list(settings)
    models = list(_models(every))
    lines = [*map(paragraph, HEAD), *(comment(f"From run {run_id}") for run_id in sorted(set(run_ids)))]
    lines.append("model_list:\n" if models else "model_list: []\n")
    for model in models:
        lines += _deployment(model, date)
    lines += _router(every, models, date)
    lines += [
        "litellm_settings:\n",
        "  num_retries: 0  # the Router's retries are the only ones\n",
        "  drop_params: true\n",
    ]
    return "".join(lines)


def _models(settings: Sequence[Setting]) -> Iterator[_Model]:
    keys = {(s.applies_to.provider or "", s.applies_to.model or ""): None for s in settings if s.applies_to.model}
    for provider, model in sorted(keys):
        yield _Model(
            provider,
            model,
            tuple(s for s in settings if (s.applies_to.provider or "", s.applies_to.model) == (provider, model)),
        )


def _deployment(model: _Model, date: str) -> Iterator[str]:
    yield f"  - model_name: {quoted(model.name)}\n"
    if any(setting.grade is Grade.EXAMPLE for setting in model.settings):
        yield _in(4, comment("EXAMPLE, not advice: measure your own provider before you rely on these."))
    yield "    litellm_params:\n"
    yield f"      model: {quoted(model.route)}\n"
    yield f"      api_key: {quoted('os.environ/' + model.key)}\n"
    yield from _knob("timeout", _whole(model), date, "per read; a whole answer is one wait")
    yield from _knob("stream_timeout", _streamed(model), date, "per read of a stream: first chunk and gaps")
    yield "      max_retries: 0  # the SDK's, beneath the Router\n"
    for stream in (False, True):
        total = model.of("total_timeout", stream)
        if total is not None and total.value is not None:
            shape = "streamed" if stream else "whole"
            yield _in(
                6, comment(f"total_timeout of a {shape} call: {total.value} s, {standing(total, date)}; by the guard")
            )


def _whole(model: _Model) -> Setting | None:
    return model.of("total_timeout", stream=False) or model.of("total_timeout", stream=True)


def _streamed(model: _Model) -> Setting | None:
    """What a stream's one knob must be: the longer of two waits; where gaps are unknown, the whole call bounds them."""
    first, gap = model.of("first_chunk_timeout", stream=True), model.of("inter_chunk_timeout", stream=True)
    if first is None or gap is None or gap.value is None:
        return model.of("total_timeout", stream=True)
    return first if first.value is None else max(first, gap, key=lambda setting: float(str(setting.value)))


def _router(settings: Sequence[Setting], models: Sequence[_Model], date: str) -> Iterator[str]:
    yield "router_settings:\n"
    found = [s for s in settings if s.setting == "retries" and isinstance(s.value, int)]
    fewest = min(found, key=lambda s: int(str(s.value)), default=None)
    retries = 0 if fewest is None else int(str(fewest.value))
    if fewest is None:
        yield "  num_retries: 0  # not measured: nothing says that a second attempt helps\n"
    else:
        yield f"  num_retries: {retries}  {comment(f'{standing(fewest, date)} · the fewest of all models')}"
    yield "  retry_policy:\n"
    for kind in _MENDED:
        yield f"    {kind}Retries: 0\n"
    for kind in _TRIED_AGAIN:
        yield f"    {kind}Retries: {retries}\n"
    order = next((s for s in settings if s.setting == "fallback_order" and isinstance(s.value, str)), None)
    if order is None:
        yield comment("fallbacks: not measured").replace("# ", "  # ", 1)
        return
    names = _ordered(str(order.value), models)
    yield f"  fallbacks:  {comment(standing(order, date))}"
    for place, name in enumerate(names[:-1]):
        rest = ", ".join(quoted(other) for other in names[place + 1 :])
        yield f"    - {quoted(name)}: [{rest}]\n"


def _ordered(order: str, models: Sequence[_Model]) -> list[str]:
    by_path = {f"{model.provider}/{model.model}": model.name for model in models}
    return [by_path[path] for path in order.split(", ") if path in by_path]


def _knob(key: str, setting: Setting | None, date: str, note: str) -> Iterator[str]:
    if setting is None:
        yield _in(6, comment(f"{key}: not measured"))
    elif setting.value is None:
        yield _in(6, refusal(setting, key, 100))
    else:
        yield f"      {key}: {number(setting.value)}  {comment(f'{standing(setting, date)} · {note}')}"


def number(value: Value) -> str:
    """A number as YAML has it."""
    return repr(value)


def quoted(text: str) -> str:
    """A text as a YAML string that nothing in it can end."""
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in text if ord(c) < 0x10000)
    return f'"{escaped}"'


def _in(columns: int, lines: str) -> str:
    return "".join(" " * columns + line for line in lines.splitlines(keepends=True))
