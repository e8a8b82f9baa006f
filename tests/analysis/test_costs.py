"""What a client says of costs and tokens, beside the cassette's: golden cases of every word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

from harness.analysis.analyse import analyse
from harness.analysis.audits import CostAudit, UsageAudit
from harness.errors import DataError
from tests.analysis.scripted import Condition, calls_frame, cold_frame, constant, manifest

ARMS = {"openai": constant(400), "litellm": constant(1_600)}
PRICE = {
    "provider": "openai",
    "model": "gpt-5-mini",
    "input_usd": 0.25,
    "cached_input_usd": 0.025,
    "output_usd": 2.0,
}
LIST_PRICE_USD = (800 * 0.25 + 200 * 0.025 + 100 * 2.0) / 1e6
"""1,000 tokens in, of which 200 cached; 100 out."""


def cassette(**changes: object) -> dict[str, object]:
    """What the manifest keeps of the cassette behind the scripted cell."""
    return {
        "provider": "openai",
        "model": "gpt-5-mini",
        "workload": "chat",
        "operation": "chat",
        "stream": False,
        "latency": None,
        "price": PRICE,
        "tokens": {"input": 1_000, "cached": 200, "output": 100},
        "reasoning_tokens": 60,
        **changes,
    }


def frame(said: Mapping[str, Any], arm: str = "litellm") -> pd.DataFrame:
    """Two blocks of two calls in which one arm reports these columns."""
    found = calls_frame(ARMS, blocks=2, calls=2).assign(cost_usd=float("nan"))
    for name, value in said.items():
        found.loc[found["arm"] == arm, name] = value
    return found


def audited(calls: pd.DataFrame, **changes: object) -> tuple[CostAudit, ...]:
    """The audits of a run whose cassette is changed like this."""
    return analyse(calls, cold_frame(), [manifest(blocks=2, cassettes=[cassette(**changes)])]).costs


def test_tokens_and_price_are_the_cassettes_not_the_clients() -> None:
    """Exact to the last digit: fresh and cached input have prices of their own, reasoning is output."""
    (audit,) = audited(frame({"cost_usd": LIST_PRICE_USD}))
    assert audit.list_price_usd == pytest.approx(LIST_PRICE_USD, rel=1e-15)
    tokens = audit.input_tokens, audit.cached_tokens, audit.output_tokens, audit.reasoning_tokens
    assert tokens == (1_000, 200, 100, 60)
    assert (audit.arm, audit.calls, audit.cell.workload) == ("litellm", 4, "chat")


@pytest.mark.parametrize(
    ("reported", "word"),
    [
        (LIST_PRICE_USD, "agrees"),
        (LIST_PRICE_USD * 1.004, "agrees"),
        (LIST_PRICE_USD * 0.994, "differs"),
        (LIST_PRICE_USD * 1.23, "differs"),
        (0.0, "zero"),
        (float("nan"), "missing"),
    ],
)
def test_the_word_is_within_half_a_percent_or_says_how_not(reported: float, word: str) -> None:
    """Agreement, a difference, a zero and silence are four things."""
    (audit,) = audited(frame({"cost_usd": reported}))
    assert audit.word == word


def test_the_factor_is_reported_over_list_price() -> None:
    """And is none where nothing was reported."""
    (differing,) = audited(frame({"cost_usd": LIST_PRICE_USD * 1.23}))
    (silent,) = audited(frame({}))
    assert differing.factor == pytest.approx(1.23)
    assert (silent.factor, silent.reported_usd, silent.reported_distinct) == (None, None, 0)


def test_a_model_without_a_list_price_is_unpriced() -> None:
    """Not free."""
    (audit,) = audited(frame({"cost_usd": 0.001}), price=None)
    assert (audit.word, audit.list_price_usd, audit.factor) == ("unpriced", None, None)


def test_different_costs_of_one_answer_are_counted() -> None:
    """The median stands, and how many values there were."""
    calls = frame({})
    calls.loc[calls["arm"] == "litellm", "cost_usd"] = [0.001, 0.001, 0.002, 0.004]
    (audit,) = audited(calls)
    assert (audit.reported_usd, audit.reported_distinct) == (0.0015, 3)


def test_another_client_is_audited_where_it_reports_a_cost() -> None:
    """LiteLLM always, others by their own doing."""
    assert [audit.arm for audit in audited(frame({"cost_usd": 0.001}, arm="openai"))] == ["openai", "litellm"]
    assert [audit.arm for audit in audited(frame({}))] == ["litellm"]


def test_failed_calls_take_no_part() -> None:
    """A cell in which no call succeeded has nothing to audit."""
    calls = frame({"cost_usd": LIST_PRICE_USD})
    failed = (calls["arm"] == "litellm") & (calls["block"] == 0)
    calls.loc[failed, "outcome"] = "error"
    calls.loc[failed, "cost_usd"] = 7.0
    (audit,) = audited(calls)
    assert (audit.calls, audit.word) == (2, "agrees")
    assert audited(frame({"outcome": "error", "error_type": "other"})) == ()


def test_usage_is_told_apart_kind_by_kind() -> None:
    """Equal, missing, different; of calls that disagree the worst word stands."""
    calls = frame(
        {"usage_input_tokens": 1_000, "usage_cache_read_input_tokens": pd.NA, "usage_reasoning_output_tokens": 60}
    )
    calls.loc[calls["arm"] == "litellm", "usage_output_tokens"] = [100, 100, 100, 160]
    (audit,) = audited(calls)
    assert audit.usage == UsageAudit("equal", "missing", "different", "equal")


def test_silence_about_no_tokens_is_equal() -> None:
    """Nothing was cached and nothing reasoned: a client that says nothing of either says nothing wrong."""
    calls = frame({"usage_input_tokens": 1_000, "usage_output_tokens": 100})
    tokens = {"input": 1_000, "cached": 0, "output": 100}
    (audit,) = audited(calls, tokens=tokens, reasoning_tokens=0)
    assert audit.usage == UsageAudit("equal", "equal", "equal", "equal")


def test_a_cell_whose_tokens_the_manifest_lacks_is_left_out() -> None:
    """A run of an earlier harness, or another cell's cassette."""
    old = {name: value for name, value in cassette().items() if name not in ("tokens", "price", "operation")}
    calls = frame({"cost_usd": 0.001})
    assert analyse(calls, cold_frame(), [manifest(blocks=2, cassettes=[old])]).costs == ()
    assert audited(calls, stream=True) == ()


def test_runs_are_audited_with_their_own_prices() -> None:
    """A price list that changed between two runs changes neither's past."""
    calls = pd.concat([frame({}), frame({}).assign(run_id="run-2")], ignore_index=True)
    dear = {**PRICE, "output_usd": 20.0}
    runs = [manifest(cassettes=[cassette()]), manifest("run-2", cassettes=[cassette(price=dear)], day=1)]
    cheap, costly = (audit.list_price_usd for audit in analyse(calls, cold_frame(), runs).costs)
    assert costly is not None
    assert cheap is not None
    assert costly - cheap == pytest.approx(100 * 18 / 1e6)


@pytest.mark.parametrize("damage", [{"tokens": {"input": 1}}, {"price": {"input_usd": "much"}}, {"tokens": None}])
def test_a_damaged_manifest_is_one_line(damage: dict[str, object]) -> None:
    """It names the run or the key."""
    with pytest.raises(DataError, match=r"^[^\n]*cassettes[^\n]*$"):
        audited(frame({}), **damage)


def test_cells_are_told_apart_by_operation_and_shape() -> None:
    """Each has the cassette that answered it."""
    conditions = [Condition(), Condition(stream=True), Condition(operation="responses")]
    calls = calls_frame({"litellm": constant(1_600)}, conditions, blocks=1, calls=2)
    cassettes = [
        cassette(reasoning_tokens=1),
        cassette(stream=True, reasoning_tokens=2),
        cassette(operation="responses", reasoning_tokens=3),
    ]
    found = analyse(calls, cold_frame(), [manifest(blocks=1, cassettes=cassettes)]).costs
    tokens = {(audit.cell.operation, audit.cell.stream): audit.reasoning_tokens for audit in found}
    assert tokens == {("chat", False): 1, ("chat", True): 2, ("responses", False): 3}
