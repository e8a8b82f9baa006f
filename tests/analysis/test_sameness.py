"""Same question: what counts as one, on the requests that the libraries were seen to send."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.analyse import analyse
from harness.analysis.audits import WireDifference
from harness.analysis.beside import Beside
from harness.analysis.blocks import arm_blocks
from harness.analysis.findings import Doubt
from harness.analysis.frames import usable, with_metrics
from harness.analysis.sameness import (
    WireRequest,
    asked_differently,
    differences,
    parameters,
    sameness,
    wire_parameters,
)
from harness.record import Request
from harness.replay.shapes import Shapes
from tests.analysis.scripted import Condition, calls_frame, cold_frame, constant, manifest

Body = dict[str, Any]

SCHEMA = {
    "type": "object",
    "properties": {"x": {"type": "integer"}},
    "required": ["x"],
    "additionalProperties": False,
}
LOOSE = {name: value for name, value in SCHEMA.items() if name != "additionalProperties"}
CHAT: Body = {
    "model": "gpt-5-mini",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
    "max_completion_tokens": 300,
}
CLAUDE: Body = {
    "model": "claude-haiku-4-5",
    "max_tokens": 300,
    "messages": [{"role": "user", "content": "hi"}],
    "system": "Be brief.",
}
CLAUDE_BLOCKS: Body = {
    **CLAUDE,
    "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    "system": [{"type": "text", "text": "Be brief."}],
}
GEMINI: Body = {
    "contents": [{"parts": [{"text": "hi"}], "role": "user"}],
    "systemInstruction": {"parts": [{"text": "Be brief."}], "role": "user"},
    "generationConfig": {"maxOutputTokens": 300},
}
GEMINI_SNAKE: Body = {
    "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
    "system_instruction": {"parts": [{"text": "Be brief."}]},
    "generationConfig": {"max_output_tokens": 300},
}
NO_HEADERS: Mapping[str, str] = {}


def wire(body: object, headers: Mapping[str, str] = NO_HEADERS, target: str = "/v1/messages") -> WireRequest:
    """A request as the journal would show it: texts as length and hash, secrets replaced."""
    shapes = Shapes()
    pairs = tuple((name.encode(), value.encode()) for name, value in headers.items())
    shapes.number("POST", target, pairs, json.dumps(body).encode())
    (shape,) = shapes.listing()
    return WireRequest.of(shape["target"], [f"{n}: {v}" for n, v in shape["headers"]], shape["body"], shape["bytes"])


def between(base: object, arm: object) -> list[WireDifference]:
    """The differences of two bodies."""
    return list(differences(wire(base), wire(arm)))


def counting(found: Iterable[WireDifference]) -> set[tuple[str, str, str, str]]:
    """What matters: (kind, key, base's value, arm's value)."""
    return {(d.kind, d.key, d.base_value, d.arm_value) for d in found if d.matters}


def listed(found: Iterable[WireDifference]) -> set[tuple[str, str, str, str]]:
    """Everything, whether or not it matters."""
    return {(d.kind, d.key, d.base_value, d.arm_value) for d in found}


# as measured: LiteLLM to OpenAI


def test_sampling_parameters_that_litellm_drops_for_a_reasoning_model_matter() -> None:
    """``drop_params``: the native SDK sends them, LiteLLM does not."""
    found = between(CHAT | {"seed": 7, "stop": ["END"], "temperature": 0.2}, CHAT | {"seed": 7})
    assert counting(found) == {("dropped", "stop", '["END"]', ""), ("dropped", "temperature", "0.2", "")}


def test_one_output_budget_under_three_names_is_one() -> None:
    """max_tokens, max_completion_tokens and max_output_tokens bound the same."""
    bodies = [{"max_tokens": 300}, {"max_completion_tokens": 300}, {"max_output_tokens": 300}]
    for base, arm in zip(bodies, bodies[1:] + bodies[:1], strict=True):
        (one,) = between(base, arm)
        assert (one.kind, one.base_value, one.arm_value, one.matters) == ("renamed", *base, *arm, False)


def test_usage_asked_of_a_stream_matters() -> None:
    """``stream_options`` makes the provider send one chunk more."""
    found = between(CHAT | {"stream": True, "stream_options": {"include_usage": True}}, CHAT | {"stream": True})
    assert counting(found) == {("dropped", "stream_options.include_usage", "true", "")}


# as measured: LiteLLM to Anthropic


def test_text_blocks_say_what_a_text_says() -> None:
    """Content and system as one block each: a form, not another question."""
    found = between(CLAUDE, CLAUDE_BLOCKS)
    assert counting(found) == set()
    assert listed(found) == {
        ("changed", "messages[].content", "text", "text block"),
        ("changed", "system", "text", "text block"),
    }


def test_another_text_in_a_block_matters() -> None:
    """Prompts are compared by their hash, whatever their form."""
    other = CLAUDE_BLOCKS | {"system": [{"type": "text", "text": "Be long."}]}
    (one,) = [d for d in between(CLAUDE, other) if d.matters]
    assert (one.kind, one.key) == ("changed", "system")
    assert one.base_value.startswith("«9 characters")


def test_a_block_marked_for_the_cache_matters() -> None:
    """``cache_control`` asks for something; None of it does not."""
    marked = CLAUDE | {"system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]}
    unmarked = CLAUDE | {"system": [{"type": "text", "text": "Be brief.", "cache_control": None}]}
    assert counting(between(CLAUDE, marked)) == {("added", "system[].cache_control.type", "", "ephemeral")}
    assert counting(between(CLAUDE, unmarked)) == set()


def test_a_tool_of_type_custom_is_a_tool_and_a_lost_strict_matters() -> None:
    """Anthropic documents ``custom`` as what a tool without a type is; ``strict`` is a promise that is gone."""
    native = CLAUDE | {"tools": [{"name": "look", "input_schema": SCHEMA, "strict": True}]}
    wrapped = CLAUDE | {"tools": [{"name": "look", "input_schema": SCHEMA, "type": "custom"}]}
    found = between(native, wrapped)
    assert ("added", "tools[].type", "", "custom") in listed(found)
    assert counting(found) == {("dropped", "tools[].strict", "true", "")}


def test_the_older_key_of_a_format_is_a_synonym_and_its_beta_header_matters() -> None:
    """``output_format`` with a beta header instead of ``output_config.format``."""
    form = {"type": "json_schema", "schema": SCHEMA}
    base = wire(CLAUDE | {"output_config": {"format": form}}, {"anthropic-version": "2026-10-21"})
    beta = {"anthropic-version": "2023-06-01", "Anthropic-Beta": "structured-outputs-2025-11-13"}
    found = differences(base, wire(CLAUDE | {"output_format": form}, beta))
    assert ("renamed", "output_config.format", "output_config.format", "output_format") in listed(found)
    assert counting(found) == {
        ("changed", "anthropic-version", "2026-10-21", "2023-06-01"),
        ("added", "anthropic-beta", "", "structured-outputs-2025-11-13"),
    }


def test_a_budget_that_nobody_asked_for_matters() -> None:
    """No limit: the SDK's client here sends 1,024, LiteLLM 64,000."""
    found = between(CLAUDE | {"max_tokens": 1024}, CLAUDE | {"max_tokens": 64000})
    assert counting(found) == {("changed", "max_tokens", "1024", "64000")}


def test_effort_that_became_a_thinking_budget_matters() -> None:
    """One mechanism instead of another."""
    effort = CLAUDE | {"output_config": {"effort": "low"}}
    budget = CLAUDE | {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    assert counting(between(effort, budget)) == {
        ("dropped", "output_config.effort", "low", ""),
        ("added", "thinking.type", "", "enabled"),
        ("added", "thinking.budget_tokens", "", "1024"),
    }


# as measured: LiteLLM to Gemini


def test_snake_case_and_a_spelled_out_role_are_spellings() -> None:
    """Each respelled key is said once, at the key itself; ``role: user`` of a system instruction says nothing."""
    found = between(GEMINI, GEMINI_SNAKE)
    assert counting(found) == set()
    assert listed(found) == {
        ("renamed", "systemInstruction", "systemInstruction", "system_instruction"),
        ("dropped", "systemInstruction.role", "user", ""),
        ("renamed", "generationConfig.maxOutputTokens", "maxOutputTokens", "max_output_tokens"),
    }


def test_thoughts_that_only_one_side_asks_for_matter() -> None:
    """The budget is respelled, ``includeThoughts`` is new."""
    native = {"generationConfig": {"thinkingConfig": {"thinking_budget": 1024}}}
    wrapped = {"generationConfig": {"thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": True}}}
    key = "generationConfig.thinkingConfig.includeThoughts"
    assert counting(between(native, wrapped)) == {("added", key, "", "true")}


def test_a_rewritten_tool_schema_matters_and_its_key_and_case_do_not() -> None:
    """``parameters`` without ``additionalProperties`` for ``parametersJsonSchema``, types in capitals."""
    upper = {**LOOSE, "type": "OBJECT", "properties": {"x": {"type": "INTEGER", "description": ""}}}
    native = {"tools": [{"functionDeclarations": [{"name": "look", "parametersJsonSchema": SCHEMA}]}]}
    wrapped = {"tools": [{"function_declarations": [{"name": "look", "parameters": upper}]}]}
    key = "tools[].functionDeclarations[].parametersJsonSchema"
    found = between(native, wrapped)
    assert counting(found) == {("dropped", f"{key}.additionalProperties", "false", "")}
    assert ("renamed", key, "parametersJsonSchema", "parameters") in listed(found)
    assert ("changed", f"{key}.type", "object", "OBJECT") in listed(found)


@pytest.mark.parametrize(
    ("base", "arm"),
    [
        ({"generationConfig": {}}, {}),
        ({"tools": []}, {}),
        ({"seed": None}, {}),
        ({"stream": False}, {}),
        ({"n": 1}, {}),
        ({"temperature": 1}, {"temperature": 1.0}),
        ({"stop": "END"}, {"stop": ["END"]}),
        ({"input": "hi"}, {"input": [{"role": "user", "content": "hi"}]}),
        ({"input": "hi"}, {"input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]}),
        ({"input": [{"role": "user"}]}, {"input": [{"type": "message", "role": "user"}]}),
        ({"input_schema": {"required": ["a", "b"]}}, {"input_schema": {"required": ["b", "a"]}}),
    ],
)  # fmt: skip
def test_ways_of_saying_the_same_do_not_matter(base: Body, arm: Body) -> None:
    """Absent, null, a documented default, a list of one."""
    assert counting(between(base, arm)) == set()


@pytest.mark.parametrize(
    ("base", "arm"),
    [
        ({"stream": True}, {}),
        ({"n": 2}, {}),
        ({"tools": [{"google_search": {}}]}, {}),
        ({"tools": [{"type": "custom"}]}, {"tools": [{"type": "function"}]}),
        ({"input_schema": {"properties": {"aB": {}}}}, {"input_schema": {"properties": {"a_b": {}}}}),
        ({"input_schema": {"enum": ["a", None]}}, {"input_schema": {"enum": ["a"]}}),
        ({"messages": [{"role": "user", "content": "a"}]}, {"messages": [{"role": "user", "content": "b"}]}),
        ({"messages": [{"content": [{"type": "text", "text": "a"}] * 2}]}, {"messages": [{"content": "a"}]}),
        ({"response_format": {"type": "json_object"}}, {"tools": [{"name": "json"}]}),
    ],
)
def test_what_the_policy_does_not_name_matters(base: Body, arm: Body) -> None:
    """The tables are a closed list of exceptions, and names of the caller's own are never respelled."""
    assert counting(between(base, arm))


# target and headers


def test_headers_of_the_library_do_not_matter_and_are_listed() -> None:
    """Who asks, with which key, over which connection."""
    sdk = {"User-Agent": "OpenAI/Python", "X-Stainless-Lang": "python", "Authorization": "Bearer k"}
    found = differences(wire(CLAUDE, sdk), wire(CLAUDE, {"user-agent": "litellm", "x-api-key": "k"}))
    assert counting(found) == set()
    assert {d.key for d in found} == {"user-agent", "x-stainless-lang", "authorization", "x-api-key"}


def test_names_of_headers_have_no_case_and_betas_no_order() -> None:
    """A set of betas is a set."""
    one, other = {"Anthropic-Beta": "a, b", "Accept": "x"}, {"anthropic-beta": "b,a", "accept": "x"}
    assert differences(wire(CLAUDE, one), wire(CLAUDE, other)) == ()


def test_another_path_or_query_matters_and_a_key_in_the_query_does_not() -> None:
    """A version of the API is part of what is asked."""
    base = wire({}, target="/v1beta/models/m:generateContent?alt=sse")
    assert counting(differences(base, wire({}, target="/v1/models/m:generateContent?alt=sse")))
    assert counting(differences(base, wire({}, target="/v1beta/models/m:generateContent")))
    assert not counting(differences(base, wire({}, target="/v1beta/models/m:generateContent?key=k&alt=sse")))


# properties

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["a", "user", "object", "auto"])
KEYS = st.sampled_from(
    ["stop", "topP", "top_p", "content", "system", "type", "text", "tools", "input", "properties", "max_tokens"]
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))
BODIES = st.dictionaries(KEYS, JSON, max_size=4)
OPPOSITE = {"added": "dropped", "dropped": "added", "renamed": "renamed", "changed": "changed"}


@given(BODIES)
def test_a_request_does_not_differ_from_itself(body: Body) -> None:
    """Whatever it is made of."""
    assert between(body, body) == []


@given(BODIES, BODIES)
def test_differences_are_symmetrical(one: Body, other: Body) -> None:
    """Seen from the other side, added is dropped, values change places, and what matters stays."""

    def sides(found: Sequence[WireDifference]) -> list[tuple[str, str, str, bool]]:
        return sorted((d.kind, d.base_value, d.arm_value, d.matters) for d in found if d.kind != "renamed")

    there, back = between(one, other), between(other, one)
    turned = [WireDifference(OPPOSITE[d.kind], d.place, d.key, d.arm_value, d.base_value, d.matters) for d in back]
    assert set(sides(there)) == set(sides(turned))


# over a run

ARMS = ("raw_http", "openai", "openai-null", "litellm")
HOT = Condition()


def request(arm: str, body: Body | None, calls: int = 10, block: int = 0, method: str = "POST") -> Request:
    """A row of ``requests`` in the one cell."""
    text = None if body is None else json.dumps(body)
    return Request("run-1", HOT.cell_id, block, arm, calls, method, "/v1/chat/completions", ("a: b",), text, 100)


def frame(rows: Iterable[Request]) -> pd.DataFrame:
    """As the store gives it: headers are lists."""
    columns = {name: [getattr(row, name) for row in rows] for name in Request.__slots__}
    return pd.DataFrame(columns | {"headers": [list(lines) for lines in columns["headers"]]})


ROWS = [
    request("raw_http", CHAT),
    request("openai", CHAT | {"seed": 7}),
    request("openai-null", CHAT | {"seed": 7}),
    request("litellm", CHAT, calls=4),
    request("litellm", CHAT | {"seed": 7}, calls=3),
    request("litellm", CHAT | {"seed": 7}, calls=3, block=1),
    request("litellm", None, calls=50, method="GET"),
    request("litellm", None, calls=50),
]
CALLS = calls_frame(dict.fromkeys(ARMS, constant(100.0)), [HOT])
BLOCKS = arm_blocks(CALLS, with_metrics(usable(CALLS)))


def test_each_path_stands_beside_the_native_sdk_with_its_most_frequent_question() -> None:
    """Over all blocks, polls and posts without a body left out; the control has no line of its own."""
    found = sameness(frame(ROWS), BLOCKS)
    assert [(one.base, one.arm, one.is_same_question) for one in found] == [
        ("openai", "raw_http", False),
        ("openai", "litellm", True),
    ]


def test_every_pair_that_differs_is_found_whichever_is_the_base() -> None:
    """Bare HTTP against all others here."""
    cell = BLOCKS[0].cell
    assert asked_differently(frame(ROWS), BLOCKS) == {
        (cell, frozenset({"raw_http", other})) for other in ("openai", "openai-null", "litellm")
    }


def test_comparisons_of_those_who_asked_differently_carry_the_doubt() -> None:
    """And no other comparison does."""
    found = analyse(CALLS, cold_frame(), [manifest()], beside=Beside(requests=frame(ROWS)))
    doubtful = {(c.base, c.arm) for c in found.comparisons if Doubt.DIFFERENT_QUESTION in c.doubts}
    assert doubtful == {("raw_http", "openai"), ("raw_http", "litellm")}
    assert Doubt.DIFFERENT_QUESTION in found.doubts
    assert len(found.sameness) == 2
    assert found.traffic == ()


def test_a_cell_without_a_native_sdk_has_no_base() -> None:
    """Its pairs are still compared with one another."""
    kept = [arm for arm in BLOCKS if arm.arm in ("raw_http", "litellm")]
    assert sameness(frame(ROWS), kept) == ()
    assert len(asked_differently(frame(ROWS), kept)) == 1


def test_a_run_whose_requests_were_not_kept_says_nothing() -> None:
    """An empty table is no claim that all was the same."""
    empty = frame([request("openai", CHAT)]).iloc[:0]
    assert sameness(empty, BLOCKS) == ()
    assert wire_parameters(empty, BLOCKS) == ()
    assert asked_differently(empty, BLOCKS) == frozenset()


def test_parameters_are_all_scalars_but_model_prompt_tools_and_schemas() -> None:
    """By their key on the wire, sorted; of a tool only its kind, which tells a free-form one."""
    body = GEMINI | {
        "model": "m",
        "generationConfig": {"topP": 0.9, "stopSequences": ["END"], "responseJsonSchema": SCHEMA},
        "tools": [{"type": "custom", "name": "look", "input_schema": SCHEMA}],
        "stream": True,
    }
    assert parameters(wire(body)) == (
        ("generationConfig.stopSequences", '["END"]'),
        ("generationConfig.topP", "0.9"),
        ("stream", "true"),
        ("tools[].type", "custom"),
    )
