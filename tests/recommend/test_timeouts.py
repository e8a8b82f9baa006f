"""The four limits: examples from authored figures, refusals from everything else."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import pytest

from harness.analysis.findings import LatencyModel
from harness.errors import UsageError
from harness.recommend.aim import Aim
from harness.recommend.bounds import round_up
from harness.recommend.recommend import recommend
from harness.recommend.setting import Setting
from harness.vocabulary import Grade
from tests.recommend.example import MODEL, findings, latency

Key = tuple[str, bool | None]
ALL: set[Key] = {
    ("connect_timeout", None),
    ("first_chunk_timeout", True),
    ("first_chunk_timeout", False),
    ("inter_chunk_timeout", True),
    ("total_timeout", True),
    ("total_timeout", False),
}


def limits(*figures: LatencyModel, rate: float = 0.001, max_tokens: int | None = None) -> dict[Key, Setting]:
    """The time limits for these figures, by name and stream."""
    settings = recommend(findings(latencies=figures), Aim.of(rate, max_tokens))
    found = [setting for setting in settings if setting.applies_to.model == MODEL]
    keyed = {(setting.setting, setting.applies_to.request_stream): setting for setting in found}
    assert len(keyed) == len(found)
    return keyed


def tail(median_s: float, rate: float) -> float:
    """The documented formula, written a second time."""
    return median_s * math.exp(NormalDist().inv_cdf(1 - rate) * 0.55) * 1.23


@pytest.mark.parametrize(("rate", "required"), [(0.05, 59), (0.01, 299), (0.001, 2995)])
def test_authored_figures_yield_six_examples(rate: float, required: int) -> None:
    """Every limit, graded example, with n and source of the figures, the rate aimed at, and no confidence."""
    found = limits(latency(), rate=rate)
    assert set(found) == ALL
    for setting in found.values():
        assert (setting.grade, setting.origin, setting.unit) == (Grade.EXAMPLE, "authored", "s")
        assert (setting.n, setting.required_n, setting.days) == (113, required, None)
        assert setting.guarantee is not None
        assert (setting.guarantee.kind, setting.guarantee.false_timeout_rate) == ("extrapolated", rate)
        assert setting.guarantee.confidence is None
        assert setting.applies_to.max_tokens == 300
        assert setting.doubts == ("authored_latencies",)
        assert "authored" in setting.why
        assert "published figures" in setting.why


def test_the_limits_of_the_published_figures_worked_by_hand() -> None:
    """One in a thousand: z = 3.0902, e^(0.55 z) = 5.472, times the tail factor 1.23 = 6.730.

    First chunk 0.84 s × 6.730 = 5.65 s → 6 s. Total (0.84 + 300 × 0.0175 = 6.09 s) × 6.730 = 40.99 s → 50 s.
    Longest of 300 gaps: z at 0.001 / 300 = 4.504, 0.0175 s × e^2.477 × 1.23 = 0.26 s, below the first chunk's 6 s.
    """
    values = {key: setting.value for key, setting in limits(latency()).items()}
    assert values == {
        ("connect_timeout", None): 6.0,
        ("first_chunk_timeout", True): 6.0,
        ("first_chunk_timeout", False): 50.0,
        ("inter_chunk_timeout", True): 6.0,
        ("total_timeout", True): 50.0,
        ("total_timeout", False): 50.0,
    }


def test_a_looser_rate_worked_by_hand() -> None:
    """One in a hundred: z = 2.3263, e^(0.55 z) = 3.595, × 1.23 = 4.422: 3.71 s → 4 s, 6.09 s → 26.9 s → 30 s."""
    found = limits(latency(), rate=0.01)
    assert found["first_chunk_timeout", True].value == 4.0
    assert found["total_timeout", True].value == 30.0


@pytest.mark.parametrize(("p95_s", "rate", "said"), [(13.8, 0.001, True), (13.8, 0.06, False), (None, 0.001, False)])
def test_the_published_percentile_is_named_only_where_it_took_part(
    p95_s: float | None, rate: float, *, said: bool
) -> None:
    """A floor that does not exist, or does not apply at so lax a rate, is not claimed."""
    why = limits(replace(latency(), p95_s=p95_s), rate=rate)["total_timeout", True].why
    assert ("never below the published p95" in why) is said


def test_of_differing_figures_the_longer_tail_counts() -> None:
    """Quicker at the median and slower in the tail is the slower one for a limit."""
    wild = replace(latency(), base_s=0.5, log_sigma=1.0, source="wild")
    assert "wild" in limits(latency(), wild)["total_timeout", True].why
    assert "wild" in limits(wild, latency())["total_timeout", True].why


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.2])
def test_the_total_is_the_tail_of_base_plus_tokens(rate: float) -> None:
    """A readable value at the quantile of the lognormal times its tail factor."""
    found = limits(replace(latency(), p95_s=None), rate=rate)
    assert found["total_timeout", True].value == round_up(tail(0.84 + 0.0175 * 300, rate))
    assert found["total_timeout", False].value == found["total_timeout", True].value


def test_a_whole_answers_first_byte_may_take_as_long_as_the_answer() -> None:
    """Its headers come when it is done; a stream's first chunk does not wait for the rest."""
    found = limits(latency())
    assert found["first_chunk_timeout", False].value == found["total_timeout", False].value
    assert found["first_chunk_timeout", True].value == round_up(tail(0.84, 0.001))


def test_a_total_is_never_below_the_published_95th_percentile_at_strict_rates() -> None:
    """A short budget does not turn 5 % of the published calls into timeouts; a lax rate may."""
    assert limits(latency(max_tokens=1))["total_timeout", True].value == 15.0
    assert limits(latency(max_tokens=1), rate=0.06)["total_timeout", True].value == round_up(tail(0.8575, 0.06))


def test_the_silence_inside_is_allowed_no_less_than_the_silence_before() -> None:
    """No gaps are published, so the first chunk's wait is the least; slow tokens raise it."""
    usual = limits(latency())
    slow = limits(replace(latency(), per_output_token_s=2.0))
    assert usual["inter_chunk_timeout", True].value == usual["first_chunk_timeout", True].value
    value, single = slow["inter_chunk_timeout", True].value, tail(2.0, 0.001)
    assert isinstance(value, float)
    assert value > round_up(single), "the longest of 300 gaps is longer than one"


def test_connecting_has_a_floor_of_one_second() -> None:
    """One lost SYN costs a second before it is sent again."""
    assert limits(replace(latency(), base_s=0.01))["connect_timeout", None].value == 1.0


def test_a_given_budget_replaces_the_cassettes_and_says_so() -> None:
    """Time follows tokens: a larger budget never gets a shorter limit."""
    own, given = limits(latency()), limits(latency(), max_tokens=4000)
    assert {s.applies_to.max_tokens for s in given.values()} == {4000}
    assert "300" in given["total_timeout", True].why
    for key in ALL:
        mine, theirs = own[key].value, given[key].value
        assert isinstance(mine, float)
        assert isinstance(theirs, float)
        assert theirs >= mine
    assert given["total_timeout", True].value == round_up(tail(0.84 + 0.0175 * 4000, 0.001))


def test_without_a_budget_what_grows_with_it_is_refused() -> None:
    """The other limits stand; the refusals say what to give."""
    found = limits(latency(max_tokens=None))
    refused = {key for key, setting in found.items() if setting.value is None}
    assert refused == ALL - {("connect_timeout", None), ("first_chunk_timeout", True)}
    assert all("--max-tokens" in found[key].why for key in refused)


@pytest.mark.parametrize("origin", ["recorded", "live", "imported"])
def test_anything_not_authored_is_refused_with_what_it_could_certify(origin: str) -> None:
    """400 samples certify 0.75 % at best, 0.1 % needs 2,995."""
    found = limits(latency(origin, n=400))
    assert set(found) == ALL
    for setting in found.values():
        assert (setting.grade, setting.origin, setting.n) == (Grade.INSUFFICIENT_DATA, origin, 400)
        assert setting.required_n == 2995
        assert "0.746 %" in setting.why
        assert "2995" in setting.why


@pytest.mark.parametrize("n", [None, 2995, 10**6])
def test_a_fitted_curve_is_no_order_statistic_whatever_its_n(n: int | None) -> None:
    """Enough samples in number do not certify what was not read from them."""
    assert {s.value for s in limits(latency("live", n=n)).values()} == {None}


def test_a_measured_model_without_figures_is_refused_by_name() -> None:
    """A model never drops out of the recommendation silently."""
    found = limits()
    assert set(found) == ALL
    assert {(s.grade, s.origin, s.n) for s in found.values()} == {(Grade.INSUFFICIENT_DATA, None, 0)}


def test_figures_that_give_no_limit_are_refused() -> None:
    """Zero and infinity are not timeouts."""
    nothing = limits(replace(latency(), base_s=0.0, per_output_token_s=0.0, p95_s=None))
    endless = limits(replace(latency(), log_sigma=1e6))
    assert nothing["total_timeout", True].value is None
    assert {s.value for s in endless.values()} == {None}


def test_each_budget_gets_its_own_limits_and_duplicates_collapse() -> None:
    """The streamed and the whole cassette share figures; two budgets do not share limits."""
    settings = recommend(findings(latencies=(latency(), latency(), latency(max_tokens=50))))
    totals = [s for s in settings if s.setting == "total_timeout" and s.applies_to.request_stream]
    assert sorted((s.applies_to.max_tokens, s.value) for s in totals) == [(50, 15.0), (300, 50.0)]


def test_of_differing_figures_the_slower_ones_count() -> None:
    """A limit must hold for both."""
    slow = replace(latency(), base_s=5.0, source="another")
    found = limits(latency(), slow)
    assert "another" in found["total_timeout", True].why


def test_one_authored_row_makes_the_mixture_an_example() -> None:
    """Recorded figures beside authored ones do not lift the grade."""
    assert {s.grade for s in limits(latency(), latency("recorded", n=10**6)).values()} == {Grade.EXAMPLE}


@pytest.mark.parametrize("rate", [0.0, -0.1, 0.51, 1.0, math.nan, math.inf, True])
def test_a_rate_outside_its_range_is_a_usage_error(rate: float) -> None:
    """One line that names the option."""
    with pytest.raises(UsageError, match=r"^--false-timeout-rate: expected [^\n]*$"):
        recommend(findings(), Aim.of(rate, None))


@pytest.mark.parametrize("max_tokens", [0, -1, True, 10**10])
def test_a_budget_outside_its_range_is_a_usage_error(max_tokens: int) -> None:
    """One line that names the option."""
    with pytest.raises(UsageError, match=r"^--max-tokens: expected [^\n]*$"):
        recommend(findings(), Aim.of(0.001, max_tokens))


def test_the_ends_of_the_ranges_are_in_them() -> None:
    """Half of the calls, one token: odd wishes, lawful ones."""
    settings = recommend(findings(), Aim.of(0.5, 1))
    assert {s.applies_to.max_tokens for s in settings if s.setting == "total_timeout"} == {1}
