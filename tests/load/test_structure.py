"""Our validator says what the reference implementation of JSON Schema says, over the part that providers accept."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.structure import problem_with
from harness.places import benchmarks_dir
from harness.workload import load_workload

LEAVES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.sampled_from(["string", "boolean", "null", "number", "integer"]).map(lambda kind: {"type": kind}),
    st.just({"type": ["string", "null"]}),
    st.just({"type": "string", "pattern": "^a+$"}),
    st.just({"type": "integer", "minimum": -1, "maximum": 3}),
    st.just({"enum": ["a", 1, None]}),
    st.just({"const": "a"}),
    st.just({}),
)


def _object(inner: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {"type": "object", "properties": inner, "required": sorted(inner)[:1], "additionalProperties": not inner}


SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(_object),
        inner.map(lambda items: {"type": "array", "items": items, "minItems": 1, "maxItems": 2}),
        st.lists(inner, min_size=1, max_size=2).map(lambda options: {"anyOf": options}),
    ),
    max_leaves=6,
)
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 5), st.sampled_from([0.5, 2.0]), st.sampled_from(["a", "b", ""])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)),
    max_leaves=6,
)


@given(SCHEMAS, VALUES)
def test_the_verdict_is_the_reference_implementations(schema: dict[str, Any], value: Any) -> None:
    """Over schemas and values made to meet each other often."""
    ours = problem_with(json.dumps(value), {"kind": "schema", "json_schema": schema})
    assert (ours is None) == jsonschema.Draft202012Validator(schema).is_valid(value), ours


@pytest.mark.parametrize("workload", ["structured-strict", "structured-nested", "structured-violated"])
def test_the_schemas_of_the_workloads_use_only_what_it_understands(workload: str) -> None:
    """A keyword that it would pass over in silence makes an invalid answer valid."""
    known = {"type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems", "enum", "const"}
    known |= {"anyOf", "pattern", "minimum", "maximum", "description", "title"}
    structure = load_workload(benchmarks_dir() / "workloads" / f"{workload}.toml").structure
    assert structure is not None
    seen = set(_keywords(structure.model_dump()["json_schema"]))
    assert seen
    assert seen <= known


def _keywords(schema: Any) -> list[str]:
    found = list(schema)
    for inner in [*schema.get("properties", {}).values(), *schema.get("anyOf", []), schema.get("items")]:
        found += _keywords(inner) if inner else []
    return found


@pytest.mark.parametrize(
    ("text", "kind", "problem"),
    [
        ('{"a": 1}', "json", None),
        ("[1]", "json", "$: expected an object, got list"),
        ('```json\n{"a": 1}\n```', "json", "$: expected JSON, got "),
        ('{"a": 1', "schema", "$: expected JSON, got "),
        ('{"a": "x"}', "schema", "$.a: expected integer, got str"),
        ('{"b": 1, "a": 1}', "schema", "$.b: expected no such member, got one"),
        ("{}", "schema", "$.a: expected a value, got nothing"),
    ],
)
def test_a_problem_has_its_place(text: str, kind: str, problem: str | None) -> None:
    """Path, expected, got."""
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    found = problem_with(text, {"kind": kind, "json_schema": schema})
    assert found is None if problem is None else found is not None and found.startswith(problem)
