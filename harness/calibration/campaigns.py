"""Owns what the instrument's tests of itself measure: copies of one client, and arms with a planted effect.

Called by ``calibration.measure``. Plans are built here, not shipped: they make no sense as anything but a self-test.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.conductor.run import Campaign
from harness.plan import Arm, Plan, PlanFile, cells_of, plan_text
from harness.vocabulary import NULL_SUFFIX

INJECTED_NS = 50_000
SERVICE_S = 0.02
DELAYED_SERVICE_S = 0.025

BASE, NULL = "openai", "openai" + NULL_SUFFIX
INJECTED, DELAYED = "openai+50us", "openai+5ms-service"


@dataclass(frozen=True, slots=True)
class Copies:
    """An A/A campaign: ``copies`` processes of one client per block. ``group`` blocks make one experiment."""

    client: str
    copies: int
    blocks: int
    calls: int
    group: int = 10


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much to measure."""

    copies: tuple[Copies, ...]
    planted_blocks: int
    planted_hot_calls: int
    planted_paced_calls: int


QUICK = Sizes((Copies("raw_http", 8, 120, 40),), planted_blocks=20, planted_hot_calls=300, planted_paced_calls=40)
FULL = Sizes(
    (Copies("raw_http", 8, 800, 60), Copies("openai", 4, 300, 60)),
    planted_blocks=40,
    planted_hot_calls=300,
    planted_paced_calls=100,
)


def copies_campaign(copies: Copies, benchmarks: Path) -> Campaign:
    """Many processes of one client, all doing the same: every difference found between them is false."""
    cells = [_family(load="hot", streams=[False, True], calls=copies.calls)]
    plan = _plan(f"self-copies-{copies.client}".replace("_", "-"), copies.client, copies.blocks, 20, cells)
    arms = tuple(Arm(f"{copies.client}-{number}", copies.client) for number in range(1, copies.copies + 1))
    return Campaign(plan, arms, cells_of(plan.plan), plan.plan.seed, benchmarks)


def planted_campaigns(sizes: Sizes, benchmarks: Path) -> tuple[Campaign, Campaign]:
    """Hot: a client beside itself and itself with a busy-wait in the timed region. Paced: against a slower service."""
    hot = _plan("self-injected", BASE, sizes.planted_blocks, 50, [_family("hot", [False], sizes.planted_hot_calls)])
    family = _family("paced", [False], sizes.planted_paced_calls, service_s=SERVICE_S)
    paced = _plan("self-delayed", BASE, sizes.planted_blocks, 50, [family])
    same = (Arm(BASE, BASE), Arm(NULL, BASE))
    injected = Arm(INJECTED, BASE, injected_ns=INJECTED_NS)
    delayed = Arm(DELAYED, BASE, pace=f"capped:{DELAYED_SERVICE_S}")
    return (
        Campaign(hot, (*same, injected), cells_of(hot.plan), hot.plan.seed, benchmarks),
        Campaign(paced, (*same, delayed), cells_of(paced.plan), paced.plan.seed, benchmarks),
    )


def _family(load: str, streams: list[bool], calls: int, **more: float) -> dict[str, object]:
    return {
        "provider": "openai",
        "models": ["gpt-5-mini"],
        "workload": "chat",
        "modes": ["sync"],
        "streams": streams,
        "load": load,
        "calls": calls,
        **more,
    }


def _plan(name: str, client: str, blocks: int, warmup: int, cells: list[dict[str, object]]) -> PlanFile:
    plan = Plan.model_validate(
        {
            "name": name,
            "description": "The instrument against known truth.",
            "blocks": blocks,
            "warmup": warmup,
            "arms": [client, client + NULL_SUFFIX],
            "cells": cells,
        },
        strict=False,
    )
    return PlanFile(plan, plan_text(plan), Path(f"{name}.toml"))
