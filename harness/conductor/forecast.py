"""Owns what a live run will probably take: calls, tokens, time, money, by the cassettes that stand for its answers.

Called by ``commands`` for a dry run. Starts nothing and calls nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.conductor.budget import worst_cases
from harness.conductor.cells import CellPlan
from harness.conductor.prepare import load_shelf, prepare_cells
from harness.conductor.run import Campaign
from harness.load.turns import warmups
from harness.prices import PriceList, Tokens, cost_usd, load_prices
from harness.vocabulary import Load


@dataclass(frozen=True, slots=True)
class Forecast:
    """``calls`` include warm-up. Costs in USD by list price, None where a model has none there: ``expected`` by the
    cassettes' tokens, ``worst`` with every output budget spent. ``duration_s`` is that of calls made one after another.
    """

    upstreams: Mapping[str, str]
    calls: int
    warmup_calls: int
    input_tokens: int
    output_tokens: int
    duration_s: float
    expected_usd: float | None
    worst_usd: float | None
    max_cost_usd: float | None


def forecast(campaign: Campaign) -> Forecast:
    """Forecast a live campaign. Raises UsageError or DataError for a plan that cannot be run."""
    assert campaign.live is not None
    shelf = load_shelf(campaign.benchmarks / "cassettes")
    cells = prepare_cells(campaign.cells, campaign.arms, shelf, campaign.benchmarks / "workloads")
    prices = load_prices(campaign.benchmarks / "prices.toml")
    worst = worst_cases(cells, prices, campaign.live)
    length_s = {cassette.cassette_id: cassette.offsets_ns[-1] / 1e9 for cassette in shelf.cassettes}
    blocks, warm = campaign.plan.plan.blocks, _warmups(campaign, cells)
    calls = [(cell.facts.cell.calls * len(cell.arms) + warm[number]) * blocks for number, cell in enumerate(cells)]
    tokens = [_tokens(cell) for cell in cells]
    costs = [_cost(cell, prices, each) for cell, each in zip(cells, tokens, strict=True)]
    return Forecast(
        upstreams=campaign.live.upstreams,
        calls=sum(calls),
        warmup_calls=sum(warm) * blocks,
        input_tokens=sum(each.input * count for each, count in zip(tokens, calls, strict=True)),
        output_tokens=sum(each.output * count for each, count in zip(tokens, calls, strict=True)),
        duration_s=round(sum(length_s[cell.cassette_id] * n for cell, n in zip(cells, calls, strict=True)), 1),
        expected_usd=_sum(costs, calls),
        worst_usd=_sum([None if each is None else each.usd for each in worst], calls),
        max_cost_usd=campaign.live.max_cost_usd,
    )


def _warmups(campaign: Campaign, cells: tuple[CellPlan, ...]) -> list[int]:
    """Warm-up calls per cell and block, over all arms: as the seats will make them, and the first one of each."""
    found = [0] * len(cells)
    for index, _ in enumerate(campaign.arms):
        for mode in {cell.facts.cell.mode for cell in cells}:
            mine = [n for n, cell in enumerate(cells) if index in cell.arms and cell.facts.cell.mode == mode]
            if not mine:
                continue
            is_hot = [cells[number].facts.cell.load is Load.HOT for number in mine]
            counts = warmups([cells[number].kind for number in mine], is_hot, campaign.plan.plan.warmup)
            for number, count in zip(mine, counts, strict=True):
                found[number] += count
            found[mine[0]] += 1
    return found


def _tokens(cell: CellPlan) -> Tokens:
    told = cell.sizes["tokens"]
    return Tokens(told["input"] or 0, told["cached"] or 0, told["output"] or 0)


def _cost(cell: CellPlan, prices: PriceList, tokens: Tokens) -> float | None:
    price = prices.find(cell.question.provider, cell.question.model)
    return None if price is None else cost_usd(tokens, price)


def _sum(costs: list[float | None], calls: list[int]) -> float | None:
    if any(cost is None for cost in costs):
        return None
    return round(sum(cost * count for cost, count in zip(costs, calls, strict=True) if cost is not None), 6)
