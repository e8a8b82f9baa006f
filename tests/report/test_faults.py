"""The sections on faults: the matrix, its data, the worst findings in words, retries, chains; hostile text included."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.analysis.faults import fault_outcomes, retry_facts
from harness.analysis.findings import Findings
from harness.analysis.outages import outage_facts
from harness.analysis.outcomes import FaultOutcome, Unclassified
from harness.report.build import render
from harness.report.material import Material
from harness.report.sections import chains, faults, retries
from harness.vocabulary import FaultVerdict
from tests.analysis.befallen import ARMS, FAULTS, SETTINGS, a_case, an_arrival, arrivals, frame, matrix
from tests.report import example
from tests.report.document import Document

OUTCOMES = fault_outcomes(matrix())


def made_of(outcomes: tuple[FaultOutcome, ...]) -> Material:
    """The example with these outcomes."""
    findings: Findings = replace(example.build(), faults=outcomes, retries=retry_facts(outcomes))
    return Material(findings, example.settings(), example.CONFIG)


def test_the_matrix_shows_the_gravest_verdict_of_each_cell() -> None:
    """Faults by family, call paths by their place, a letter and a word each."""
    shown = faults.context(made_of(OUTCOMES))
    assert [column.arm for column in shown.columns][:2] == ["openai SDK", "LiteLLM"]
    rows = {row.fault: row for _, rows in shown.families for row in rows}
    assert set(rows) == set(FAULTS)
    letters = {cell.place.partition(",")[2]: cell.letter for cell in rows["truncated-cleanly"].cells}
    arms = [column.arm for column in shown.columns]
    assert letters[str(arms.index("LiteLLM"))] == "W"
    assert letters[str(arms.index("openai SDK"))] == "·"
    assert [family for family, _ in shown.families] == ["healthy", "silence", "cut", "status"]


def test_every_verdict_has_its_letter() -> None:
    """And no two the same."""
    assert set(faults.VERDICTS) == set(FaultVerdict)
    assert len({letter for letter, _, _ in faults.VERDICTS.values()}) == len(FaultVerdict)


def test_the_data_holds_every_case_under_its_cell() -> None:
    """What a reader opens is what was measured, also under settings that the table does not show."""
    data = json.loads(faults.context(made_of(OUTCOMES)).data)
    assert len(data["cases"]) == len(FAULTS) * len(ARMS)
    assert sum(len(cases) for cases in data["cases"].values()) == len(OUTCOMES)
    assert len(data["settings"]) == len(SETTINGS)
    place = f"{data['faults'].index('silence-after-request')},{data['columns'].index('broken control to openai')}"
    assert {(case[3], case[4]) for case in data["cases"][place]} == {(0, None)}


def test_the_worst_findings_are_said_once_each_and_leave_controls_out() -> None:
    """The gravest first; a control is no finding."""
    said = list(faults.worst(OUTCOMES))
    assert "passed a broken answer off as a good one in 4 of 24 cases" in said[0]
    assert said[0].startswith("LiteLLM to openai")
    assert any("made up to 5 requests where 3 were asked for" in line for line in said)
    assert not any("control" in line for line in said)
    assert len(said) <= 5


def test_the_controls_are_told_first() -> None:
    """The sound one held, the broken one was caught; a sound one that did not hold is named."""
    told = faults.context(made_of(OUTCOMES)).controls
    assert "the sound one held in 96 of 96 cases; the broken one was caught in 32 of 96" in told
    spoilt = tuple(
        replace(each, verdict="late") if each.arm == "control_sound" and each.fault == "status-503" else each
        for each in OUTCOMES
    )
    assert "not held were status-503" in faults.context(made_of(spoilt)).controls


def test_what_flaps_is_listed() -> None:
    """With each repetition's verdict."""
    cases = [a_case(repeat=number, verdict=word) for number, word in enumerate(("held", "late"))]
    shown = faults.context(made_of(fault_outcomes(frame(*cases))))
    assert shown.flapping == ("status-503, openai SDK to openai, sync, whole, a limit, retries off: held, late",)


def test_retries_merge_colours_that_agree_and_mark_what_is_too_many() -> None:
    """A row per call path and setting; controls and chains are elsewhere."""
    shown = retries.context(made_of(OUTCOMES))
    assert {row.arm for row in shown.rows} == {"openai SDK", "LiteLLM"}
    assert {row.modes for row in shown.rows} == {"async, sync"}
    marked = {(row.arm, row.setting) for row in shown.rows if row.is_more}
    assert ("LiteLLM", "a limit and retries") in marked
    assert not any(arm == "openai SDK" for arm, _ in marked)
    assert "turned one call into 5 requests where 1 were asked for" in shown.sentence


def test_the_longest_call_is_marked_where_it_overran_its_worst_case() -> None:
    """With the fault that kept it."""
    late = a_case("late-head", duration_ns=1_500_000_000, verdict="late", findings=("late",))
    cases = [a_case("status-503", attempts=1), late]
    (row,) = retries.context(made_of(fault_outcomes(frame(*cases)))).rows
    assert (row.longest, row.is_longer) == ("1.5\u00a0s (late-head)", True)


def test_an_outage_is_told_in_requests_per_call() -> None:
    """A sentence on the worst, a row each, and what came afterwards."""
    calls = [an_arrival(number, attempts=4, attempt_offsets_ns=(0, 1, 2, 3)) for number in range(6)]
    found = replace(example.build(), outages=outage_facts(arrivals(*calls)))
    (table,) = retries.context(Material(found, example.settings(), example.CONFIG)).outages
    assert "turned 4 calls into 16 requests" in table.sentence
    assert (table.rows[0].requests, table.rows[0].amplification) == ("16 of 4 calls", "4.00 ×")
    assert table.rows[0].is_more
    assert table.rows[0].after == "2 of 2 failed; not yet well"
    page = render(found, example.settings(), example.CONFIG)
    assert table.caption in page


def test_an_unclassified_version_is_named() -> None:
    """With the versions that it is not taken for."""
    found = replace(made_of(OUTCOMES).findings, unclassified=(Unclassified("litellm", "1.110.2", ("1.106.2",)),))
    page = render(found, example.settings(), example.CONFIG)
    assert "LiteLLM 1.110.2 is unclassified: no fault was put to it; what is known of 1.106.2 is not taken" in page


def test_chains_say_for_what_they_fail_over() -> None:
    """All faults of the example; a healthy call is nothing to fail over from."""
    shown = chains.context(made_of(OUTCOMES))
    assert len(shown.rows) == 2 * 2 * len(SETTINGS)
    assert shown.rows[0].failed_over == "5 of 5"
    assert shown.sentences[0].startswith("LiteLLM, fallbacks= failed over in 20 of 20 cases")


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!--", '"\\\u2028', example.HOSTILE])
def test_hostile_names_stay_data(text: str) -> None:
    """Neither a script's end nor a comment's beginning leaves the data block."""
    case = a_case(fault="x", error_class=text, provider_name=text, client_version=text)
    outcomes = fault_outcomes(frame(case))
    page = render(made_of(outcomes).findings, example.settings(), example.CONFIG)
    block = page.partition('id="fault-data">')[2].partition("</script>")[0]
    assert json.loads(block)["classes"] == [text]
    assert len(Document.of(page).all("script")) == 2


def test_without_faults_the_sections_say_how_to_measure_them() -> None:
    """In one line each."""
    page = render(example.build(), example.settings(), example.CONFIG)
    for line in ("No fault was injected in this run", "No retries were provoked", "No fallback chain was measured"):
        assert line in page
