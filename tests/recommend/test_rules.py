"""What measured behaviour supports, and what it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analysis.findings import Comparison, Doubt, Findings, RunSummary, Verdict
from harness.recommend.recommend import recommend
from harness.recommend.setting import Setting
from harness.vocabulary import Grade
from tests.recommend.example import ARMS, cold, comparison, findings, interval, run, summary

MEASURED = {
    "client_mode",
    "reuse_client",
    "warm_up_at_start",
    "inner_retries",
    "wall_clock_guard",
    "LITELLM_LOCAL_MODEL_COST_MAP",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS",
}


SIZES = {"connection_pool_size", "executor_threads"}
"""What calls side by side would say; nothing here made any."""


def measured(found: Findings) -> list[Setting]:
    """The settings that come from measuring, not from figures."""
    return [setting for setting in recommend(found) if setting.setting in MEASURED]


def mode_of(*comparisons: Comparison) -> Setting:
    """What is said of litellm's whole answers, given these async-minus-sync comparisons."""
    settings = recommend(findings(comparisons=comparisons))
    wanted = ("client_mode", "litellm", False)
    return next(s for s in settings if (s.setting, s.applies_to.client, s.applies_to.request_stream) == wanted)


@pytest.mark.parametrize(("verdict", "mode"), [(Verdict.SLOWER, "sync"), (Verdict.FASTER, "async")])
def test_the_mode_with_the_lower_overhead_is_recommended(verdict: Verdict, mode: str) -> None:
    """The verdict is async minus sync: slower speaks for sync."""
    setting = mode_of(comparison(verdict=verdict))
    assert (setting.value, setting.grade, setting.n) == (mode, Grade.PROVISIONAL, 20)
    assert "0.5 ms" in setting.why
    assert "authored" in setting.why


@pytest.mark.parametrize("verdict", [v for v in Verdict if v not in (Verdict.SLOWER, Verdict.FASTER)])
def test_a_verdict_that_decides_nothing_recommends_nothing(verdict: Verdict) -> None:
    """Below noise, inconclusive and no difference are refusals that name the verdict."""
    setting = mode_of(comparison(verdict=verdict))
    assert setting.grade is Grade.INSUFFICIENT_DATA
    assert verdict.value in setting.why


@pytest.mark.parametrize("other", [Verdict.FASTER, Verdict.NO_DIFFERENCE])
def test_comparisons_that_disagree_recommend_nothing(other: Verdict) -> None:
    """One cell's verdict does not outvote another's."""
    assert mode_of(comparison(verdict=Verdict.SLOWER), comparison(verdict=other)).value is None


def test_paced_cells_decide_where_there_are_any() -> None:
    """Real calls are paced; a hot cell decides only alone."""
    hot = comparison(verdict=Verdict.FASTER, load="hot")
    assert mode_of(hot, comparison(verdict=Verdict.SLOWER)).value == "sync"
    assert mode_of(hot).value == "async"


def test_another_arms_or_streams_comparison_decides_nothing() -> None:
    """openai's verdict and the streamed verdict say nothing of litellm's whole answers."""
    assert mode_of(comparison(arm="openai"), comparison(stream=True)).value is None


@pytest.mark.parametrize(("verdict", "cpu_s"), [(Verdict.FASTER, 0.001), (Verdict.SLOWER, -0.001)])
def test_cpu_time_in_the_other_direction_is_a_trade_off_and_no_recommendation(verdict: Verdict, cpu_s: float) -> None:
    """Quicker and dearer is the user's decision."""
    setting = mode_of(comparison(verdict=verdict, cpu=interval(cpu_s, 0.0001)))
    assert setting.value is None
    assert "CPU" in setting.why


def test_cpu_time_that_cannot_be_told_from_zero_does_not_veto() -> None:
    """Only an interval without zero speaks."""
    assert mode_of(comparison(cpu=interval(-0.001, 0.002))).value == "sync"


def test_marks_out_of_order_withdraw_the_mode() -> None:
    """Overheads of a run that violates causality are not compared."""
    settings = recommend(replace(findings(), causality_violations=1))
    assert {s.value for s in settings if s.setting == "client_mode"} == {None}


def test_a_refused_mode_asks_for_standard_blocks_only_while_they_would_help() -> None:
    """At K = 12 more blocks may decide; at K = 20 a difference that small decides nothing."""
    few = mode_of(comparison(verdict=Verdict.NO_DIFFERENCE, blocks=12))
    many = mode_of(comparison(verdict=Verdict.NO_DIFFERENCE, blocks=20))
    assert (few.required_n, many.required_n) == (20, None)


def test_a_sound_run_supports_every_measured_setting() -> None:
    """All kinds are there, provisional, with n, days, run id and query, and with authored among the doubts."""
    settings = measured(findings())
    assert {setting.setting for setting in settings} == MEASURED
    for setting in settings:
        assert setting.grade is Grade.PROVISIONAL
        assert (setting.n, setting.days, setting.origin) == (20, 1, None)
        assert setting.evidence[0] == "run-1"
        assert setting.evidence[1].startswith("SELECT")
        assert "authored_latencies" in setting.doubts
        assert "1 of 7 days" in setting.why


def test_the_instruments_floor_and_null_arms_get_no_settings() -> None:
    """Only clients that one can install are recommended about, each once."""
    settings = measured(findings())
    assert {s.applies_to.client for s in settings} == {"openai", "litellm", None}
    assert len({(s.setting, s.applies_to) for s in settings}) == len(settings)


@pytest.mark.parametrize("blocks", [0, 1, 5])
def test_fewer_than_six_blocks_support_nothing_measured(blocks: int) -> None:
    """A smoke run yields refusals that say how many blocks are missing, and examples only."""
    settings = recommend(findings(blocks=blocks))
    assert {s.grade for s in settings if s.setting in MEASURED} == {Grade.INSUFFICIENT_DATA}
    assert {s.required_n for s in settings if s.setting in MEASURED} == {6}
    assert all("few_blocks" in s.doubts for s in settings if s.setting in MEASURED)
    assert {s.grade for s in settings if s.setting not in MEASURED | SIZES} == {Grade.EXAMPLE}


def test_six_blocks_are_a_screening_and_suffice_for_provisional() -> None:
    """A provisional value never lacks the n that it requires."""
    settings = measured(findings(blocks=6))
    assert {s.grade for s in settings} == {Grade.PROVISIONAL}
    assert all(s.n is not None and s.required_n is not None and s.n >= s.required_n for s in settings)


def test_without_litellm_nothing_is_said_of_it() -> None:
    """No switch and no setting for a client that did not take part."""
    settings = recommend(findings(arms=[arm for arm in ARMS if arm[0] != "litellm"]))
    assert "litellm" not in {s.applies_to.client for s in settings}
    assert not any(s.setting.startswith("LITELLM") for s in settings)
    assert any(s.setting == "reuse_client" and s.value is True for s in settings)


def test_a_run_of_the_floor_alone_still_gets_the_examples() -> None:
    """Nothing measured to recommend from, and no error."""
    settings = recommend(findings(arms=[("raw_http", "raw_http")]))
    assert {s.grade for s in settings if s.setting not in SIZES} == {Grade.EXAMPLE}
    assert {s.grade for s in settings if s.setting in SIZES} == {Grade.INSUFFICIENT_DATA}


def test_sync_cells_alone_leave_the_mode_open() -> None:
    """One colour cannot be compared; the guard is recommended for the colour that was measured."""
    settings = recommend(findings(modes=("sync",)))
    modes = [s for s in settings if s.setting == "client_mode"]
    assert modes
    assert all(s.value is None and "both" in s.why for s in modes)
    assert [(s.applies_to.mode, s.value) for s in settings if s.setting == "wall_clock_guard"] == [
        ("sync", "daemon_thread")
    ]


def test_an_incomplete_run_says_so_beside_every_measured_setting() -> None:
    """What was measured counts, with the doubt."""
    settings = measured(findings(blocks=8, is_complete=False))
    assert {s.n for s in settings} == {8}
    assert all("incomplete_run" in s.doubts for s in settings)


def test_failed_calls_are_a_doubt_of_every_measured_setting() -> None:
    """Failures are counted beside, never pooled, and never silent."""
    assert all("failed_calls" in s.doubts for s in measured(replace(findings(), calls_failed=2)))


def test_authored_cells_are_a_doubt_even_where_findings_forgot_to_say_so() -> None:
    """The word does not get lost."""
    assert all("authored_latencies" in s.doubts for s in measured(replace(findings(), doubts=())))


def test_recorded_cells_are_not_called_authored() -> None:
    """The word is kept for what it means."""
    cells = tuple(summary(arm, client, origin="recorded") for arm, client in ARMS)
    settings = measured(replace(findings(modes=("sync",)), doubts=(), summaries=cells))
    assert settings
    assert not any(Doubt.AUTHORED_LATENCIES in s.doubts or "authored" in s.why for s in settings)


def test_more_than_one_request_per_call_withdraws_the_retry_setting() -> None:
    """Zero inner retries is claimed only where the wire shows it."""
    base = findings()
    noisy = tuple(replace(s, attempts_per_call=1.01) if s.arm == "litellm" else s for s in base.summaries)
    retries = {
        s.applies_to.client: s for s in recommend(replace(base, summaries=noisy)) if s.setting == "inner_retries"
    }
    assert retries["openai"].value == 0
    assert retries["litellm"].value is None
    assert "extra_attempts" in retries["litellm"].doubts


def retries_of(arm: str, **changes: float) -> Setting:
    """The retry setting of ``arm`` once its summaries are changed so, in a run where some call was repeated."""
    base = findings()
    changed = tuple(replace(s, **changes) if s.arm == arm else s for s in base.summaries)  # type: ignore[arg-type]
    found = replace(base, summaries=changed, doubts=(*base.doubts, Doubt.EXTRA_ATTEMPTS))
    return next(
        s for s in recommend(found) if (s.setting, s.applies_to.client) == ("inner_retries", arm) and s.value is None
    )


def test_a_mean_of_one_request_proves_nothing_where_failures_could_hide_repeats() -> None:
    """One failed call that was never sent and one sent twice average to one request: refused."""
    setting = retries_of("litellm", failed=2)
    assert setting.grade is Grade.INSUFFICIENT_DATA
    assert "8 of 4808 calls failed" in setting.why


def test_fewer_requests_than_calls_are_not_called_retries() -> None:
    """Calls that never reached the wire are failures: the reason does not send anyone to look for retries."""
    base = findings()
    lost = tuple(replace(s, attempts_per_call=0.99, failed=12) for s in base.summaries)
    settings = [s for s in recommend(replace(base, summaries=lost)) if s.setting == "inner_retries"]
    assert settings
    for setting in settings:
        assert setting.value is None
        assert "retr" not in setting.why
        assert "48 of 4848 calls failed" in setting.why
        assert "extra_attempts" not in setting.doubts


def test_repeats_of_another_arm_do_not_withdraw_a_sound_client() -> None:
    """Where none of its own calls failed, a mean of one request is one request for each."""
    base = findings()
    found = replace(base, doubts=(*base.doubts, Doubt.EXTRA_ATTEMPTS))
    assert {s.value for s in recommend(found) if s.setting == "inner_retries"} == {0}


def test_one_colour_in_many_blocks_lacks_no_blocks() -> None:
    """What is missing is the other mode; more blocks would not help, and nobody is told that they would."""
    modes = [s for s in recommend(findings(modes=("sync",))) if s.setting == "client_mode"]
    assert modes
    for setting in modes:
        assert (setting.n, setting.required_n) == (20, None)
        assert "few_blocks" not in setting.doubts


@pytest.mark.parametrize(
    ("verdicts", "blocks", "said"),
    [
        ((Verdict.SLOWER, Verdict.FASTER), 20, "neither mode has the lower overhead throughout"),
        ((Verdict.SLOWER, Verdict.FASTER), 12, "neither mode has the lower overhead throughout"),
        ((Verdict.NO_DIFFERENCE,), 12, "measure 20 blocks"),
        ((Verdict.NO_DIFFERENCE, Verdict.BELOW_NOISE), 20, "a difference that small decides nothing"),
        ((Verdict.INCONCLUSIVE,), 20, "the comparisons do not settle it"),
        ((Verdict.SLOWER, Verdict.NO_DIFFERENCE), 20, "the comparisons do not settle it"),
    ],
)
def test_an_open_mode_says_what_would_help_and_not_more(verdicts: tuple[Verdict, ...], blocks: int, said: str) -> None:
    """A difference is called small only where every comparison found none; a contradiction is called one."""
    setting = mode_of(*(comparison(verdict=verdict, blocks=blocks) for verdict in verdicts))
    assert setting.value is None
    assert setting.why.endswith(f": {said}")


def test_without_a_null_arm_more_blocks_are_not_the_remedy() -> None:
    """No number of blocks gives a floor that was never measured."""
    setting = mode_of(replace(comparison(verdict=Verdict.INCONCLUSIVE, blocks=12), doubts=(Doubt.NO_NULL_ARM,)))
    assert setting.why.endswith(": add a null arm to the plan")


def test_a_refused_warm_up_does_not_call_its_processes_blocks() -> None:
    """The sample is named as what it is."""
    settings = recommend(replace(findings(), cold=(cold(repeats=5),)))
    why = next(s.why for s in settings if s.setting == "warm_up_at_start")
    assert "5 processes" in why
    assert "blocks" not in why
    assert "before taking traffic" not in why, "a refusal gives no advice"


def test_each_switch_is_said_to_save_what_it_saves() -> None:
    """The price table is fetched by the import, the header table by a call: the reasons differ."""
    whys = {s.setting: s.why for s in recommend(findings()) if s.setting.startswith("LITELLM")}
    assert "without it the import fetches the price table" in whys["LITELLM_LOCAL_MODEL_COST_MAP"]
    assert "without it the first call that" in whys["LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS"]


def test_a_first_call_no_slower_than_a_warm_one_asks_for_no_warm_up() -> None:
    """Warm-up is recommended from the cold table, not from habit."""
    base = findings()
    quick = tuple(replace(c, first_call_s=(0.5, 0.02, 0.7)) for c in base.cold)
    settings = [s for s in recommend(replace(base, cold=quick)) if s.setting == "warm_up_at_start"]
    assert settings
    assert all(s.value is None for s in settings)


def test_a_warm_up_needs_six_fresh_processes() -> None:
    """n of the cold table is its processes."""
    settings = recommend(replace(findings(), cold=(cold(repeats=5),)))
    assert [(s.value, s.n) for s in settings if s.setting == "warm_up_at_start"] == [(None, 5)]


def in_runs(*runs: RunSummary) -> Findings:
    """The sound findings, measured in each of these runs alike."""
    base = findings()
    return replace(
        base,
        runs=runs,
        summaries=tuple(replace(s, cell=replace(s.cell, run_id=r.run_id)) for r in runs for s in base.summaries),
        cold=tuple(replace(c, run_id=r.run_id) for r in runs for c in base.cold),
    )


def test_days_are_distinct_days() -> None:
    """Two runs of one day are one day; both runs are evidence."""
    one, two = measured(in_runs(run("a"), run("b"))), measured(in_runs(run("a"), run("b", day=21)))
    assert {s.days for s in one} == {1}
    assert {s.days for s in two} == {2}
    assert {s.evidence[:2] for s in two} == {("a", "b")}


def test_several_runs_still_make_one_setting_per_condition() -> None:
    """A config holds one value; n adds up over the runs that measured the client."""
    settings = measured(in_runs(run("a"), run("b", blocks=6)))
    assert len({(s.setting, s.applies_to) for s in settings}) == len(settings)
    assert {s.n for s in settings if s.setting == "inner_retries"} == {26}
    assert {s.n for s in settings if s.setting == "warm_up_at_start"} == {40}


def test_a_run_without_the_client_is_no_evidence_for_it() -> None:
    """Blocks, days and run ids count only where the client took part."""
    base = findings(blocks=3)
    found = replace(base, runs=(*base.runs, run("other", blocks=20, day=21)))
    retries = [s for s in measured(found) if s.setting == "inner_retries"]
    assert {(s.value, s.n, s.days, s.evidence[0]) for s in retries} == {(None, 3, 1, "run-1")}
    assert all("other" not in s.evidence for s in retries)


def test_reuse_says_how_many_calls_really_kept_their_connection() -> None:
    """A client that is reused may still connect anew: the share is told, whole and streamed apart."""
    base = findings()
    anew = tuple(replace(s, connection_reuse=0.25) if s.cell.stream else s for s in base.summaries)
    reuse = [s for s in measured(replace(base, summaries=anew)) if s.setting == "reuse_client"]
    assert reuse
    assert all("100% of whole and 25% of streamed ones over a kept connection" in s.why for s in reuse)
