"""Whatever the findings hold: no advice from authored data, no value without grounds, no exception."""

from __future__ import annotations

import ast
import json
from typing import Any

from hypothesis import given, settings
from jsonschema import Draft202012Validator

from harness.analysis.findings import Findings
from harness.recommend.aim import Aim
from harness.recommend.exports import export
from harness.recommend.exports.json import schema
from harness.recommend.recommend import recommend
from harness.vocabulary import Grade
from tests.recommend.arbitrary import any_findings, budgets, rates

VALIDATOR = Draft202012Validator(schema())
# Fewer examples than hypothesis's hundred: building findings is the cost, and their kinds are few.
varied = settings(max_examples=60, deadline=None)


@varied
@given(any_findings(), rates, budgets)
def test_a_refusal_has_no_value_and_a_value_is_no_refusal(found: Findings, rate: float, budget: int | None) -> None:
    """insufficient_data ⇔ no value, always with a reason."""
    for setting in recommend(found, Aim.of(rate, budget)):
        assert (setting.value is None) == (setting.grade is Grade.INSUFFICIENT_DATA)
        assert setting.why


@varied
@given(any_findings(), rates, budgets)
def test_authored_data_yield_examples_and_only_they_do(found: Findings, rate: float, budget: int | None) -> None:
    """Every value from authored figures is an example; every example comes from them; nothing is certified."""
    for setting in recommend(found, Aim.of(rate, budget)):
        assert setting.grade is not Grade.CERTIFIED
        if setting.value is not None:
            assert (setting.origin == "authored") == (setting.grade is Grade.EXAMPLE)
        if setting.origin == "authored":
            assert "authored_latencies" in setting.doubts


@varied
@given(any_findings(), rates)
def test_a_provisional_value_has_its_n(found: Findings, rate: float) -> None:
    """Provisional means that n suffices."""
    for setting in recommend(found, Aim.of(rate, None)):
        if setting.grade is Grade.PROVISIONAL:
            assert setting.n is not None
            assert setting.required_n is not None
            assert setting.n >= setting.required_n


@varied
@given(any_findings(), rates, budgets)
def test_one_condition_gets_one_answer(found: Findings, rate: float, budget: int | None) -> None:
    """A config cannot hold two values of one setting under one condition."""
    keys = [(setting.setting, setting.applies_to) for setting in recommend(found, Aim.of(rate, budget))]
    assert len(keys) == len(set(keys))


@varied
@given(any_findings(), rates, budgets)
def test_the_document_satisfies_its_schema(found: Findings, rate: float, budget: int | None) -> None:
    """Any findings make a valid document, and the order of settings does not change a byte."""
    settings = recommend(found, Aim.of(rate, budget))
    runs = [run.run_id for run in found.runs]
    text = export("json", settings, runs, "2026-11-20")
    document: dict[str, Any] = json.loads(text)
    VALIDATOR.validate(document)
    assert len(document["settings"]) == len(settings)
    assert export("json", settings[::-1], runs[::-1], "2026-11-21") == text


@varied
@given(any_findings(), rates, budgets)
def test_the_python_export_is_python_whatever_the_names(found: Findings, rate: float, budget: int | None) -> None:
    """Foreign names stay literals and comments: the program has the same statements always."""
    text = export("python", recommend(found, Aim.of(rate, budget)), [run.run_id for run in found.runs], "2026-11-20")
    body = ast.parse(text.encode()).body
    kinds = {type(statement).__name__ for statement in body}
    assert kinds == {
        "Expr",
        "Import",
        "ImportFrom",
        "Assign",
        "AnnAssign",
        "AsyncFunctionDef",
        "ClassDef",
        "FunctionDef",
    }
    calls = [node for node in body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    assert all(ast.unparse(call).startswith("os.environ.setdefault('LITELLM_LOCAL_") for call in calls)
