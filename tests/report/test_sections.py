"""What each section says for findings of every kind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analysis.doubts import ADVICE
from harness.analysis.findings import Doubt, Findings, Verdict
from harness.report.material import Material
from harness.report.sections import (
    cold,
    comparisons,
    distributions,
    doubts,
    headline,
    layers,
    method,
    modes,
    provenance,
    self_tests,
    settings,
    streams,
)
from tests.analysis.example import example_findings
from tests.report import example
from tests.report.document import Document


def made_of(findings: Findings) -> Material:
    """The findings with the example's settings."""
    return Material(findings, example.settings(), example.CONFIG)


SCREENING = made_of(example.build())


def test_the_headline_gives_the_number_with_its_interval_for_both_modes() -> None:
    """The first screen's large numbers come from the paced, whole answers."""
    answers = headline.context(SCREENING).answers
    assert [answer.mode for answer in answers] == ["sync", "async"]
    assert all(answer.is_claim and answer.unit == "ms" and answer.value.startswith("+") for answer in answers)
    assert all(answer.bounds.startswith("[") and "K" in answer.sample for answer in answers)


def test_the_headline_sentence_is_plain() -> None:
    """It says who, under which load, by how much, for sync and for async."""
    sentence = headline.context(SCREENING).sentence
    assert sentence.startswith("Over the openai SDK, one paced call through LiteLLM takes ")
    assert "longer (sync) and" in sentence
    assert sentence.endswith("longer (async).")


def test_a_smoke_run_prints_no_interval_anywhere() -> None:
    """With K below 6 no bracket appears beside any number, and the screen calls it a smoke test."""
    smoke = made_of(example.smoke())
    shown = headline.context(smoke)
    assert shown.strength == "smoke test"
    assert all(answer.bounds == "no interval" and not answer.is_claim for answer in shown.answers)
    assert not any("[" in row.effect + row.t_interval + row.p95 for row in comparisons.context(smoke).rows)


@pytest.mark.parametrize("verdict", [Verdict.BELOW_NOISE, Verdict.NO_DIFFERENCE])
def test_what_is_not_claimed_is_no_large_number(verdict: Verdict) -> None:
    """Suppressed effects show words; the raw interval stays visible beside them."""
    shown = headline.context(made_of(example.with_verdict(verdict)))
    assert all(not answer.is_claim and not answer.unit for answer in shown.answers)
    assert all(answer.bounds.startswith("raw ") for answer in shown.answers)
    assert "longer" not in shown.sentence


@pytest.mark.parametrize("verdict", list(Verdict))
def test_only_a_verdict_makes_the_sentence_claim_a_direction(verdict: Verdict) -> None:
    """Longer or less is said for slower and faster alone."""
    sentence = headline.context(made_of(example.with_verdict(verdict))).sentence
    claims = " longer" in sentence or " less" in sentence
    assert claims == (verdict in (Verdict.SLOWER, Verdict.FASTER))


def test_a_hot_headline_says_that_it_is_hot() -> None:
    """Real calls are paced: without paced cells the page warns."""
    shown = headline.context(made_of(example.hot_only()))
    assert "hot" in shown.sentence
    assert "paced" in shown.caveat


def test_broken_causality_withdraws_every_claim() -> None:
    """If an effect was stamped before its cause, no number of the first screen is presented as one."""
    shown = headline.context(made_of(example.incomplete()))
    assert "use none of these numbers" in shown.caveat
    assert not any(answer.is_claim for answer in shown.answers)
    assert not shown.is_complete


def test_the_first_screen_recommends_no_example_and_no_refusal() -> None:
    """Authored latencies never pass as advice; they are only counted, with a link."""
    shown = headline.context(SCREENING)
    assert [pick.grade for pick in shown.picks] == ["provisional", "certified", "provisional"]
    assert (shown.examples, shown.refused) == (1, 1)


def test_an_example_setting_is_labelled_loudly_and_a_refusal_has_no_value() -> None:
    """The words the contract asks for stand beside the value."""
    rows = {row.name: row for row in settings.context(SCREENING).rows}
    assert rows["total_timeout"].grade_label == "example — from authored latencies, not advice"
    assert rows["total_timeout"].guarantee.startswith("none: extrapolated")
    assert rows["inter_chunk_timeout"].value == "–"
    assert rows["inter_chunk_timeout"].required == "2,995"


def test_the_forest_leaves_out_sums_and_the_table_does_not() -> None:
    """LiteLLM minus bare HTTP is the sum of two steps already drawn."""
    findings = example.build()
    key = findings.comparisons[0].cell
    total = example.comparison(key, "litellm", "raw_http")
    context = comparisons.context(made_of(replace(findings, comparisons=(*findings.comparisons, total))))
    assert any(row.contrast == "LiteLLM − bare HTTP" for row in context.rows)
    assert not any("LiteLLM − bare HTTP" in plot.svg for plot in context.plots)
    assert all("itself (A/A)" in plot.svg for plot in context.plots)


def test_raw_block_values_are_on_the_page() -> None:
    """A reader can redo the statistics: K values per comparison."""
    rows = comparisons.context(SCREENING).rows
    assert all(row.blocks.count(",") == 5 for row in rows)


def test_layers_show_paced_first_and_in_stack_order() -> None:
    """The waterfall reads from the wire upwards."""
    stacks = layers.context(SCREENING).stacks
    assert [stack.load for stack in stacks] == ["paced", "hot"]
    assert [row.label for row in stacks[0].rows[:3]] == ["bare HTTP", "openai SDK", "LiteLLM"]


def test_a_percentile_that_n_does_not_carry_is_a_dash() -> None:
    """p99 of 144 calls is not printed."""
    rows = distributions.context(SCREENING).rows
    assert all(row.p99 == row.p999 == "–" for row in rows)
    assert all(row.p95 != "–" for row in rows)


def test_failed_calls_are_counted_beside() -> None:
    """Failures and censored calls stand in their own column."""
    rows = distributions.context(made_of(example.incomplete())).rows
    assert {row.failed for row in rows} == {"3, 1 censored"}


def test_every_doubt_has_meaning_and_advice() -> None:
    """The closed list, in its order, each with what to do."""
    rows = doubts.context(made_of(example.incomplete())).rows
    assert [row.anchor for row in rows] == [f"doubt-{doubt.value}" for doubt in Doubt]
    assert all((row.meaning, row.advice) == ADVICE[doubt] for row, doubt in zip(rows, Doubt, strict=True))


def test_a_doubt_of_single_comparisons_says_where() -> None:
    """Six of the cells compare aiohttp with httpx; the run as a whole is not accused."""
    rows = {row.name: row for row in doubts.context(SCREENING).rows}
    assert rows["different http library"].where == "6 of 12 cells"
    assert rows["screening"].where == "the run as a whole"


def test_two_runs_are_told_apart() -> None:
    """Cells carry the number that provenance gives their run; one run carries none."""
    material = made_of(example.two_runs())
    assert {row.cell.rpartition(" · ")[2] for row in comparisons.context(material).rows} == {"run 1", "run 2"}
    assert [run.label for run in provenance.context(material).runs] == ["Run 1", "Run 2"]
    assert not any("run" in row.cell for row in comparisons.context(SCREENING).rows)


def test_provenance_names_the_http_library_of_each_mode() -> None:
    """LiteLLM's sync path uses httpx, its async path aiohttp: the page says so."""
    stacks = {stack.arm: stack for stack in provenance.context(SCREENING).stacks}
    assert stacks["LiteLLM"].sync.startswith("httpx")
    assert stacks["LiteLLM"].asynchronous.startswith("aiohttp")


def test_sections_without_data_say_so_rather_than_vanish() -> None:
    """Empty findings give empty contexts, never an error."""
    nothing = made_of(example.nothing())
    empty = (
        layers.context(nothing).stacks,
        comparisons.context(nothing).rows,
        modes.context(nothing).rows,
        streams.context(nothing).panels,
        cold.context(nothing).panels,
        distributions.context(nothing).panels,
        self_tests.context(nothing).rows,
        headline.context(nothing).answers,
    )
    assert not any(empty)


def test_a_failed_self_test_is_counted() -> None:
    """The instrument does not hide its own failures."""
    context = self_tests.context(SCREENING)
    assert context.failed == 1
    assert [row.passed for row in context.rows] == [True, True, False]


def test_the_method_defines_the_words_that_tools_define_differently() -> None:
    """TTFT, ITL and TPOT come with their formula."""
    assert [name for name, _ in method.context(SCREENING).definitions] == ["TTFT", "ITL", "TPOT"]


def test_analysed_findings_render() -> None:
    """What analysis really makes of a scripted run fits every section."""
    from harness.report.build import render

    document = Document.of(render(example_findings(), example.settings(), example.CONFIG))
    assert len(document.all("svg")) > 10


def test_one_setting_in_many_conditions_is_one_pick() -> None:
    """The first screen shows four different settings rather than one four times, with the weakest grade."""
    certified = example.settings()[1]
    again = replace(certified, grade=example.settings()[0].grade)
    picks = headline.context(replace(SCREENING, settings=(certified, again, again))).picks
    assert [(pick.name, pick.grade) for pick in picks] == [("num_retries", "provisional")]
    assert picks[0].condition.endswith("and 2 more conditions")


def test_cold_start_reads_from_the_wire_upwards() -> None:
    """Whatever the order of the findings, bare HTTP comes first and LiteLLM last, sync before async."""
    backwards = replace(example.build(), cold=example.build().cold[::-1])
    rows = cold.context(made_of(backwards)).rows
    assert [(row.arm, row.mode) for row in rows] == [
        (arm, mode) for arm in ("bare HTTP", "openai SDK", "LiteLLM") for mode in ("sync", "async")
    ]
