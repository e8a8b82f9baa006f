"""The section on sameness: what it merges, what it counts, and that a spelling is no other question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analysis.audits import Sameness, WireDifference
from harness.analysis.findings import Findings
from harness.report.build import render
from harness.report.conditions import narrowed
from harness.report.material import Material
from harness.report.sections import same_question
from harness.report.sections.same_question import OTHER, SAME, SPELLED
from tests.report import example
from tests.report.document import Document

SEED = WireDifference("dropped", "body", "seed", "7", "", matters=True)
BUDGET = WireDifference("renamed", "body", "max_tokens", "max_tokens", "max_output_tokens", matters=False)
AGENT = WireDifference("changed", "header", "user-agent", "OpenAI", "litellm", matters=False)
VERSION = WireDifference("changed", "header", "anthropic-version", "2026-10-21", "2023-06-01", matters=True)


def made_of(findings: Findings) -> Material:
    """The findings with the example's settings."""
    return Material(findings, example.settings(), example.CONFIG)


def sent(*listed: tuple[str, tuple[WireDifference, ...]]) -> Material:
    """These arms' differences in every cell of the example."""
    pairs = tuple(Sameness(cell, "openai", arm, 200, 225, found) for cell in example.cells() for arm, found in listed)
    return made_of(replace(example.build(), sameness=pairs))


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (SEED, "− seed 7"),
        (WireDifference("added", "body", "thinking.budget_tokens", "", "1024", True), "+ thinking.budget_tokens 1024"),
        (BUDGET, "max_tokens → max_output_tokens"),
        (WireDifference("changed", "body", "temperature", "0.2", "1", True), "temperature 0.2 → 1"),
        (WireDifference("added", "body", "description", "", "", False), "+ description"),
    ],
)
def test_a_difference_reads_in_short(difference: WireDifference, text: str) -> None:
    """Sign, key, value."""
    assert same_question.chip(difference).text == text


@pytest.mark.parametrize(
    ("differences", "said"),
    [((), SAME), ((AGENT,), SAME), ((BUDGET, AGENT), SPELLED), ((BUDGET, SEED), OTHER), ((VERSION,), OTHER)],
)
def test_a_library_header_spoils_nothing_and_a_version_does(
    differences: tuple[WireDifference, ...], said: object
) -> None:
    """Three verdicts, the strongest that holds."""
    assert same_question.said(differences) == said


def test_cells_and_paths_that_differ_alike_are_one_row() -> None:
    """Twelve cells and two paths, one line; the headers of the libraries are gathered beside."""
    shown = same_question.context(sent(("litellm", (SEED, AGENT)), ("any_llm", (SEED,))))
    (row,) = shown.rows
    assert row.condition == "all"
    assert [name for _, name in row.arms] == ["LiteLLM", "any-llm"]
    assert row.library_headers == "user-agent"
    assert row.size == "+25"
    assert [chip.text for chip in row.body] == ["− seed 7"]


def test_the_sentence_counts_every_pair_of_path_and_cell() -> None:
    """Twelve cells: bare HTTP the same, LiteLLM for one model otherwise, for the other spelled otherwise."""
    shown = same_question.context(made_of(example.build()))
    assert shown.sentence.startswith("Of 24 pairs of path and cell, 12 sent what the native SDK sends, 4 only spelled")
    assert "and 8 asked the provider for something else" in shown.sentence


def test_the_first_table_has_only_what_counts() -> None:
    """Spellings are in the full table."""
    shown = same_question.context(made_of(example.build()))
    assert shown.others
    assert all(chip.matters for row in shown.others for chip in (*row.body, *row.headers))
    assert {row.said for row in shown.rows} == {SAME, SPELLED, OTHER}


def test_what_differs_in_some_cells_says_in_which() -> None:
    """Only the sides that tell them from the rest are named."""
    cells = list(example.cells())
    assert narrowed(cells, cells) == ""
    assert narrowed([c for c in cells if c.stream], cells) == "streamed"
    assert narrowed([c for c in cells if c.stream and c.mode == "sync"], cells) == "streamed · sync"
    crossed = [c for c in cells if (c.stream, c.mode) in ((True, "sync"), (False, "async")) and c.load == "paced"]
    assert narrowed(crossed, cells) == "gpt-5-mini · streamed · sync · paced; gpt-5-mini · whole · async · paced"


def test_parameters_are_a_table_of_keys_by_paths() -> None:
    """Sync and async alike are one table; a path that sent none has an empty place."""
    (table,) = same_question.context(made_of(example.build())).parameters
    assert table.title == "openai · parameters"
    assert [name for _, name in table.arms] == ["bare HTTP", "openai SDK", "LiteLLM"]
    assert dict(table.rows)["seed"] == ("-7", "-7", "")
    assert dict(table.rows)["max_tokens"] == ("", "", "300")


def test_other_workloads_have_no_parameter_table() -> None:
    """What they send is in the differences."""
    findings = example.build()
    chat = tuple(replace(p, cell=replace(p.cell, workload="chat")) for p in findings.parameters)
    assert same_question.context(made_of(replace(findings, parameters=chat))).parameters == ()


def test_bytes_and_connections_have_a_line_per_path_and_cell() -> None:
    """With units."""
    rows = same_question.context(made_of(example.build())).traffic
    assert len(rows) == 12 * len(example.ARMS)
    assert (rows[0].sent, rows[0].received, rows[0].connections) == ("812\u00a0B", "1.28\u00a0KiB", "6")


def test_a_run_without_requests_says_so() -> None:
    """No sentence, no table, and the page still stands."""
    nothing = example.nothing()
    shown = same_question.context(made_of(nothing))
    assert (shown.sentence, shown.rows, shown.parameters, shown.traffic) == ("", (), (), ())
    page = Document.of(render(nothing, example.settings(), example.CONFIG))
    assert any(element.text.startswith("No cell of this run") for element in page.all("p"))
