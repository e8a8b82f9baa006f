"""The doctor's judgement on planted facts, and that looking at a real machine works."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from harness.doctor import MIB, Check, Facts, Pin, checks, gather

HEALTHY = Facts(
    python=(3, 11, 7),
    cores=8,
    load_average_1min=0.2,
    cpu_some_avg10_percent=0.5,
    steal_percent=0.0,
    governor="performance",
    clock_domain="boot | monotonic 0 0",
    has_arrival_stamps=True,
    can_hold_dma_latency=True,
    can_bind_loopback=True,
    shm_free_bytes=1024 * MIB,
    results_free_bytes=10_000 * MIB,
    pins=(Pin("litellm", "1.106.2", "1.106.2"), Pin("openai", "2.54.0", "2.54.0")),
    oversleep_p99_ns=100_000,
)


def named(name: str, facts: Facts) -> Check:
    """The one check of this name."""
    (check,) = (check for check in checks(facts) if check.name == name)
    return check


def test_a_healthy_machine_passes_without_advice() -> None:
    """Every check once, all ok."""
    found = checks(HEALTHY)
    assert {check.status for check in found} == {"ok"}
    assert {check.advice for check in found} == {""}
    assert len({check.name for check in found}) == len(found)


@pytest.mark.parametrize(
    ("name", "change", "status"),
    [
        ("python", {"python": (3, 10, 14)}, "fail"),
        ("python", {"python": (3, 13, 0)}, "ok"),
        ("cores", {"cores": 1}, "fail"),
        ("cores", {"cores": 2}, "ok"),
        ("cores", {"cores": None}, "warn"),
        ("load average", {"load_average_1min": 4.1}, "warn"),
        ("load average", {"load_average_1min": None}, "ok"),
        ("CPU pressure", {"cpu_some_avg10_percent": 41.0}, "fail"),
        ("CPU pressure", {"cpu_some_avg10_percent": 11.0}, "warn"),
        ("CPU pressure", {"cpu_some_avg10_percent": None}, "warn"),
        ("steal", {"steal_percent": 5.1}, "warn"),
        ("steal", {"steal_percent": None}, "ok"),
        ("frequency governor", {"governor": "powersave"}, "warn"),
        ("frequency governor", {"governor": None}, "ok"),
        ("timer", {"oversleep_p99_ns": 2_000_000}, "warn"),
        ("clock domain", {"clock_domain": ""}, "warn"),
        ("kernel arrival stamps", {"has_arrival_stamps": False}, "warn"),
        ("/dev/cpu_dma_latency", {"can_hold_dma_latency": False}, "warn"),
        ("loopback port", {"can_bind_loopback": False}, "fail"),
        ("shared memory", {"shm_free_bytes": 64 * MIB}, "warn"),
        ("shared memory", {"shm_free_bytes": 1 * MIB}, "fail"),
        ("shared memory", {"shm_free_bytes": None}, "warn"),
        ("disk for results", {"results_free_bytes": 500 * MIB}, "warn"),
        ("disk for results", {"results_free_bytes": 0}, "fail"),
        ("litellm", {"pins": (Pin("litellm", "1.106.2", "1.109.1"),)}, "warn"),
        ("litellm", {"pins": (Pin("litellm", "1.106.2", None),)}, "fail"),
        ("litellm", {"pins": (Pin("litellm", None, "1.109.1"),)}, "ok"),
    ],
)
def test_one_fact_decides_one_check(name: str, change: dict[str, Any], status: str) -> None:
    """And what is not ok comes with what to do about it."""
    check = named(name, replace(HEALTHY, **change))
    assert check.status == status
    assert bool(check.advice) == (status != "ok")
    assert check.found
    others = [each for each in checks(replace(HEALTHY, **change)) if each.name != name]
    assert {each.status for each in others} == {"ok"}


def test_the_advice_for_a_version_is_a_command() -> None:
    """With the version that this project pins."""
    check = named("openai", replace(HEALTHY, pins=(Pin("openai", "2.54.0", None),)))
    assert check.advice == "install it as pinned: pip install openai==2.54.0"


@pytest.mark.real
def test_a_real_machine_is_looked_at_without_a_trace(tmp_path: Path) -> None:
    """Every fact is gathered and judged; the results folder is not made."""
    facts = gather(tmp_path / "results")
    assert len(checks(facts)) == len(fields(Facts)) - 1 + len(facts.pins)
    assert facts.oversleep_p99_ns > 0
    assert facts.can_bind_loopback
    assert all(pin.pinned and pin.installed for pin in facts.pins)
    assert list(tmp_path.iterdir()) == []
