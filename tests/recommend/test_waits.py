"""Settings from real calls: what is certified, what is refused, and what each says of itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.findings import Findings
from harness.analysis.limits.waits import Condition, Floats, Observed
from harness.recommend.aim import Aim
from harness.recommend.rules.waits import waits
from harness.recommend.setting import Setting
from harness.vocabulary import Grade
from tests.analysis.limits.waiting import DAY_S, NOW_DAY, NOW_S, lognormal
from tests.recommend.example import findings

AIM = replace(Aim.of(0.01, None), now_s=NOW_S)


def observed(
    count: int = 3000,
    days: int = 8,
    *,
    stream: bool = True,
    max_tokens: int | None = 512,
    model: str = "m",
    seed: int = 1,
) -> Observed:
    """Calls like any: half a second to the first chunk, a few in all."""
    rng = np.random.default_rng(seed)
    first: Floats = 0.5 * lognormal(rng, count)
    gap: Floats = 0.1 * lognormal(rng, count)
    total: Floats = first + 2.0 * lognormal(rng, count)
    day = NOW_DAY - days + np.arange(count) * days // max(count, 1)
    at_s = np.asarray(day * DAY_S, dtype=np.float64)
    nothing = np.full(count, np.nan)
    return Observed(
        condition=Condition("openai", model, stream, max_tokens),
        run_ids=("import-csv-1",),
        origins=("imported",),
        first_s=first if stream else nothing,
        gap_s=gap if stream else nothing,
        total_s=total,
        limit_s=nothing,
        is_cut=np.zeros(count, dtype=bool),
        day=day.astype(np.int64),
        at_s=at_s,
        calls=count,
        rejected=0,
        timeouts=0,
        broken=0,
        usd_per_call=0.001,
    )


def found(*seen: Observed, aim: Aim = AIM) -> dict[tuple[str, bool | None], Setting]:
    """The settings by name and stream."""
    base: Findings = findings()
    settings = waits(replace(base, observed=seen), aim)
    return {(each.setting, each.applies_to.request_stream): each for each in settings}


def test_a_week_of_fresh_calls_is_certified() -> None:
    """All four limits with their guarantee, the margin of a week, the hedge without it, and the worst case."""
    settings = found(observed())
    for name in ("connect_timeout", "first_chunk_timeout", "inter_chunk_timeout", "total_timeout", "hedge_delay"):
        setting = settings[name, True]
        assert setting.grade is Grade.CERTIFIED
        assert setting.guarantee is not None
        assert setting.guarantee.confidence == 0.95
        assert (setting.n, setting.days, setting.applies_to.max_tokens) == (3000, 8, 512)
        assert "survivorship" in setting.doubts
    total, hedge, first, connect = (
        settings[name, True].value
        for name in ("total_timeout", "hedge_delay", "first_chunk_timeout", "connect_timeout")
    )
    assert isinstance(total, float)
    assert isinstance(hedge, float)
    assert isinstance(first, float)
    assert hedge < first
    assert connect == max(1.0, first)
    assert "× 1.5" in settings["total_timeout", True].why
    assert settings["retries", True].value == 2
    assert settings["worst_case_total", True].value == pytest.approx(3 * total + 1.5, rel=0.01)


def test_whole_answers_have_no_gap_limit() -> None:
    """Their first byte comes with their last."""
    settings = found(observed(stream=False))
    assert ("inter_chunk_timeout", False) not in settings
    assert settings["first_chunk_timeout", False].value == settings["total_timeout", False].value


def test_too_few_calls_are_refused_with_what_it_takes() -> None:
    """And what they could certify."""
    setting = found(observed(count=200))["total_timeout", True]
    assert (setting.grade, setting.value, setting.guarantee) == (Grade.INSUFFICIENT_DATA, None, None)
    assert setting.required_n == 299
    assert "200 can certify 1.49 % at best" in setting.why


def test_a_larger_budget_than_was_seen_refuses_what_grows_with_it() -> None:
    """The first chunk of a stream does not."""
    settings = found(observed(), aim=replace(AIM, max_tokens=4096))
    assert settings["total_timeout", True].value is None
    assert "at most 512 output tokens" in settings["total_timeout", True].why
    assert settings["first_chunk_timeout", True].value is not None
    small = found(observed(), observed(max_tokens=2048, seed=2), aim=replace(AIM, max_tokens=400))
    assert small["total_timeout", True].applies_to.max_tokens == 512


def test_hangs_and_rejections_are_told_beside() -> None:
    """Two hangs in 3,000 are no limit of 100 s."""
    seen = observed()
    first, total = seen.first_s.copy(), seen.total_s.copy()
    first[[5, 900]], total[[5, 900]] = 100.0, 101.0
    settings = found(replace(seen, first_s=first, total_s=total, calls=3130, rejected=130))
    setting = settings["total_timeout", True]
    assert isinstance(setting.value, float)
    assert setting.value < 30
    assert "2 hung" in setting.why
    assert "130 of 3130 were answered with an error" in setting.why
    assert "failed_calls" in setting.doubts


def test_a_deadline_leaves_room_for_as_many_retries_as_fit() -> None:
    """None where one attempt fills it."""
    total = found(observed())["total_timeout", True].value
    assert isinstance(total, float)
    short = found(observed(), aim=replace(AIM, deadline_s=total * 1.5))
    assert short["retries", True].value == 0
    longer = found(observed(), aim=replace(AIM, deadline_s=total * 2.5))
    assert longer["retries", True].value == 1


def test_several_models_are_put_in_an_order() -> None:
    """By what is sure within the deadline."""
    slow = observed(model="slow", seed=3)
    slow = replace(slow, total_s=slow.total_s * 5)
    settings = found(observed(model="fast"), slow, aim=replace(AIM, deadline_s=8.0))
    order = settings["fallback_order", None]
    assert order.value == "openai/fast, openai/slow"
    assert order.grade is Grade.PROVISIONAL


def test_authored_figures_are_silent_where_calls_were_observed() -> None:
    """No example stands beside advice for the same model."""
    from harness.recommend.recommend import recommend
    from tests.recommend.example import MODEL, latency

    base = findings(latencies=(latency(),))
    seen = replace(observed(model=MODEL), condition=Condition(latency().provider, MODEL, True, 512))
    settings = recommend(replace(base, observed=(seen,)), AIM)
    mine = [each for each in settings if each.applies_to.model == MODEL]
    assert mine
    assert not any(each.grade is Grade.EXAMPLE for each in mine)
