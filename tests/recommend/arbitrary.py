"""Findings that hypothesis varies within their types: any arms, verdicts, block counts, figures and names."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from harness.analysis.findings import Comparison, Doubt, Findings, LatencyModel, Verdict
from harness.vocabulary import Origin
from tests.recommend.example import ARMS, comparison, findings, interval, run

names = st.text(min_size=1, max_size=12)
positive = st.floats(min_value=0, max_value=1e300)
rates = st.floats(min_value=1e-9, max_value=0.5)
budgets = st.none() | st.integers(min_value=1, max_value=10**9)


@st.composite
def latencies(draw: st.DrawFn) -> LatencyModel:
    """Figures of any origin, size and name, sane or not."""
    return LatencyModel(
        provider=draw(names),
        model=draw(names),
        origin=draw(st.sampled_from([origin.value for origin in Origin])),
        base_s=draw(positive),
        per_output_token_s=draw(positive),
        log_sigma=draw(st.floats(min_value=1e-6, max_value=100)),
        tail_factor=draw(st.floats(min_value=1, max_value=100)),
        p95_s=draw(st.none() | st.floats(min_value=1e-3, max_value=1e6)),
        n=draw(st.none() | st.integers(min_value=1, max_value=10**7)),
        max_tokens=draw(budgets),
        source=draw(names),
    )


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    """Async minus sync of some arm with any verdict; intervals as they may or may not exist."""
    size = st.floats(min_value=-1, max_value=1)
    return comparison(
        arm=draw(st.sampled_from(["openai", "litellm"])),
        verdict=draw(st.sampled_from(Verdict)),
        difference_s=draw(size),
        blocks=draw(st.integers(min_value=1, max_value=40)),
        stream=draw(st.booleans()),
        load=draw(st.sampled_from(["hot", "paced"])),
        cpu=draw(st.none() | st.builds(interval, size, st.floats(min_value=0, max_value=1))),
    )


@st.composite
def any_findings(draw: st.DrawFn) -> Findings:
    """Findings of one or two runs of any size, complete or not, with any doubts."""
    blocks = draw(st.integers(min_value=0, max_value=40))
    base = findings(
        blocks=blocks,
        arms=draw(st.lists(st.sampled_from(ARMS), unique=True)),
        modes=draw(st.lists(st.sampled_from(["sync", "async"]), min_size=1, unique=True)),
        latencies=draw(st.lists(latencies(), max_size=3)),
        comparisons=draw(st.lists(comparisons(), max_size=4)),
        is_complete=draw(st.booleans()),
    )
    runs = draw(st.lists(names, min_size=1, max_size=2, unique=True))
    attempts = draw(st.sampled_from([1.0, 1.5, 3.0]))
    first_call_s = draw(st.sampled_from([0.001, 0.021, 0.5]))
    return replace(
        base,
        runs=tuple(run(run_id, blocks=blocks) for run_id in runs),
        summaries=tuple(
            replace(summary, attempts_per_call=attempts, cell=replace(summary.cell, run_id=run_id))
            for run_id in runs
            for summary in base.summaries
        ),
        cold=tuple(
            replace(cold, first_call_s=(first_call_s,) * 3, run_id=run_id) for run_id in runs for cold in base.cold
        ),
        doubts=tuple(draw(st.lists(st.sampled_from(Doubt), unique=True))),
        calls_failed=draw(st.integers(min_value=0, max_value=3)),
        causality_violations=draw(st.integers(min_value=0, max_value=1)),
    )
