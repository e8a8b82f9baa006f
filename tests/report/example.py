"""Example findings for the page: a screening, and the edge cases it must survive. Values are made up, not measured."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from harness.analysis.audits import Sameness, Traffic, WireDifference, WireParameters
from harness.analysis.findings import (
    ArmSummary,
    CellKey,
    ColdSummary,
    Comparison,
    Doubt,
    Findings,
    Headline,
    Interval,
    LatencyModel,
    Layer,
    RunSummary,
    SelfTest,
    Verdict,
)
from harness.recommend.setting import AppliesTo, Guarantee, Setting
from harness.vocabulary import Grade

MODELS = ("gpt-5-mini", "gpt-4o-mini")
ARMS = ("raw_http", "openai", "openai-null", "litellm")
CONFIG = '''"""Recommended settings, exported by `harness recommend --format python`."""

MODEL_CONFIGS = {
    "gpt-5-mini": {
        "max_tokens": 300,
        "connect_timeout_s": 1.0,
        "total_timeout_s": 41.0,  # example: from authored latencies, not advice
        "max_retries": 0,
    },
}
'''
HOSTILE = '</title><script>alert("x")</script><img src=x onerror=alert(1)> $\\frac{1}{0}$ & \x00\u202egnirts'

_COST_S = {"raw_http": 0.00012, "openai": 0.00082, "openai-null": 0.000826, "litellm": 0.00208}


def cell(model: str, mode: str, stream: bool, load: str) -> CellKey:
    """One cell as the shipped plans make it."""
    shape = "stream" if stream else "whole"
    return CellKey(
        cell_id=f"openai/{model}/chat/{shape}/{mode}/{load}",
        provider="openai",
        model=model,
        workload="chat",
        mode=mode,
        stream=stream,
        load=load,
        backend="recorded",
        origin="authored",
    )


def cells() -> Iterator[CellKey]:
    """The twelve cells of the quick plan."""
    for load, models in (("paced", MODELS[:1]), ("hot", MODELS)):
        for model in models:
            for stream in (False, True):
                for mode in ("sync", "async"):
                    yield cell(model, mode, stream, load)


def cost_s(key: CellKey, arm: str) -> float:
    """The overhead that the example gives an arm in a cell."""
    factor = (2.15 if key.load == "paced" else 1.0) * (1.6 if key.stream else 1.0) * (0.9 if key.mode == "async" else 1)
    return _COST_S[arm] * factor


def interval(estimate: float, half: float) -> Interval:
    """An exact interval of the level that six blocks attain."""
    return Interval(estimate, estimate - half, estimate + half * 1.1, 0.96875, "Hodges-Lehmann, exact signed rank")


def comparison(key: CellKey, arm: str, base: str, blocks: int = 6) -> Comparison:
    """Arm minus base with plausible scatter."""
    spread = random.Random(f"{key.cell_id}{arm}{base}")
    true = cost_s(key, arm) - cost_s(key, base)
    values = tuple(true + spread.gauss(0, 0.00004) for _ in range(blocks))
    enough = blocks >= 6
    exact = interval(true, 0.000055) if enough else None
    is_null = arm.endswith("-null")
    claimed = Verdict.NO_DIFFERENCE if is_null else Verdict.SLOWER
    return Comparison(
        metric="overhead",
        cell=key,
        base=base,
        arm=arm,
        blocks=blocks,
        calls_per_block=24 if key.load == "paced" else 60,
        median_difference_s=sorted(values)[blocks // 2],
        difference=exact,
        t_interval=exact and replace(exact, confidence=0.95, method="t"),
        ratio=Interval(cost_s(key, arm) / cost_s(key, base), 1.9, 2.4, 0.96875, "HL") if enough else None,
        p95_difference=interval(true * 1.3, 0.0002) if enough else None,
        cpu_difference=interval(true * 0.9, 0.00008) if enough else None,
        without_pressured_blocks=exact,
        p_value=0.03125 if enough else None,
        p_holm=(1.0 if is_null else 0.03125) if enough else None,
        minimum_detectable_s=0.000058 if enough else None,
        noise_floor_s=0.000041 if enough else None,
        is_null=is_null,
        is_screening=blocks == 6,
        verdict=claimed if enough else Verdict.NOT_ENOUGH_BLOCKS,
        block_differences_s=values,
        doubts=(Doubt.DIFFERENT_HTTP_LIBRARY,) if key.mode == "async" and arm == "litellm" else (),
    )


def summary(key: CellKey, arm: str) -> ArmSummary:
    """One arm in one cell with a skewed distribution."""
    middle = cost_s(key, arm)
    points = tuple(middle * (0.8 + 0.15 * i / 199 + 0.25 * (i / 199) ** 3 + 2 * (i / 199) ** 40) for i in range(200))
    library = {"raw_http": "http.client", "litellm": "aiohttp" if key.mode == "async" else "httpx"}.get(arm, "httpx")
    return ArmSummary(
        cell=key,
        arm=arm,
        client=arm.removesuffix("-null"),
        client_version={"raw_http": "3.11.7", "litellm": "1.106.2"}.get(arm, "2.54.0"),
        http_library=library,
        http_library_version={"http.client": "3.11.7", "aiohttp": "3.14.5", "httpx": "0.28.1"}[library],
        calls=144 if key.load == "paced" else 360,
        failed=0,
        censored=0,
        overhead_p50_s=middle,
        overhead_p95_s=middle * 1.4,
        overhead_p99_s=None,
        overhead_p999_s=None,
        pre_send_p50_s=middle * 0.7,
        post_receive_p50_s=middle * 0.3,
        duration_p50_s=0.02 + middle,
        cpu_p50_s=middle * 0.8,
        gc_mean_s=0.00001,
        gc_max_s=0.0461,
        first_chunk_p50_s=0.006 if key.stream else None,
        first_chunk_delivery_p50_s=middle * 0.5 if key.stream else None,
        chunk_delivery_p50_s=middle * 0.02 if key.stream else None,
        tail_p50_s=middle * 0.1 if key.stream else None,
        chunks_p50=62.0 if key.stream else None,
        reported_overhead_p50_s=middle * 0.4 if arm == "litellm" else None,
        attempts_per_call=1.0,
        connection_reuse=1.0,
        ecdf_s=points,
    )


def layers(key: CellKey) -> Iterator[Layer]:
    """The three steps of the stack."""
    below = 0.0
    for arm, label in (("raw_http", "bare HTTP"), ("openai", "openai SDK"), ("litellm", "LiteLLM")):
        adds = cost_s(key, arm) - below
        yield Layer(key, arm, label, adds, interval(adds, 0.00005) if arm != "raw_http" else None, cost_s(key, arm))
        below = cost_s(key, arm)


def mode_comparisons() -> Iterator[Comparison]:
    """Async minus sync per arm, on the paced whole answers."""
    key = cell("gpt-5-mini", "async", False, "paced")
    for arm in ("raw_http", "openai", "litellm"):
        wide = comparison(key, arm, arm)
        yield replace(wide, base=f"{arm} sync", arm=f"{arm} async", verdict=Verdict.NO_DIFFERENCE)


def run_summary() -> RunSummary:
    """The run they all come from."""
    return RunSummary(
        run_id="20261123T101500-quick-7f3a",
        plan_name="quick",
        plan_sha256="4be1" * 16,
        started_at="2026-11-23T10:15:00+00:00",
        duration_s=193.4,
        seed=20261123,
        backend="recorded",
        is_complete=True,
        blocks_done=6,
        blocks_planned=6,
        git_commit="7a44fe1c0ffee",
        harness_version="0.1.0",
        schema_version=1,
        environment=(
            ("Python", "3.11.7"),
            ("CPU", "2 × Xeon at 2.8 GHz"),
            ("governor", "unknown"),
            ("arrival stamps", "kernel"),
            ("openai", "2.54.0"),
            ("litellm", "1.106.2"),
        ),
        pressured_blocks=(3,),
    )


def cold() -> Iterator[ColdSummary]:
    """Fresh-process costs of each arm and mode."""
    for arm, import_s, first_s, modules, rss in (
        ("raw_http", 0.06, 0.004, 210, 24),
        ("openai", 0.62, 0.09, 1130, 78),
        ("litellm", 2.35, 0.55, 3890, 243),
    ):
        for mode in ("sync", "async"):
            times = (import_s, import_s * 0.93, import_s * 1.12)
            first = (first_s, first_s * 0.9, first_s * 1.3)
            yield ColdSummary(arm, mode, 5, times, first, modules, rss << 20, int(rss * 1.2) << 20)


def wire_differences(key: CellKey) -> tuple[WireDifference, ...]:
    """What LiteLLM sends otherwise than the SDK: spellings, and to one model another question."""
    spelled = (
        WireDifference("renamed", "body", "max_completion_tokens", "max_completion_tokens", "max_tokens", False),
        WireDifference("added", "header", "x-stainless-raw-response", "", "true", False),
        WireDifference("changed", "header", "user-agent", "OpenAI/Python 2.54.0", "litellm/1.106.2", False),
    )
    if key.model == MODELS[1]:
        return spelled
    budget = WireDifference("added", "body", "thinking.budget_tokens", "", "1024", True)
    version = WireDifference("changed", "header", "openai-beta", "a=v1", "a=v2", True)
    return (
        WireDifference("dropped", "body", "seed", "7", "", True),
        WireDifference("changed", "body", "temperature", "0.2", "1", True),
        *((budget,) if key.stream else ()),
        version,
        *spelled,
    )


def on_the_wire(keys: Sequence[CellKey]) -> Iterator[Sameness]:
    """Bare HTTP sends what the SDK sends, but for the library's own headers."""
    for key in keys:
        agent = (WireDifference("dropped", "header", "user-agent", "OpenAI/Python 2.54.0", "", False),)
        yield Sameness(key, "openai", "raw_http", 214, 214, agent)
        yield Sameness(key, "openai", "litellm", 214, 239, wire_differences(key))


def wire_parameters() -> Iterator[WireParameters]:
    """One workload with parameters, alike in sync and async."""
    budget = ("max_completion_tokens", "300")
    for mode in ("sync", "async"):
        key = replace(cell("gpt-4o-mini", mode, False, "hot"), workload="parameters")
        yield WireParameters(key, "raw_http", (budget, ("seed", "-7"), ("temperature", "0.2")))
        yield WireParameters(key, "openai", (budget, ("seed", "-7"), ("temperature", "0.2")))
        yield WireParameters(key, "litellm", (("max_tokens", "300"), ("temperature", "1")))


def traffic(keys: Sequence[CellKey]) -> Iterator[Traffic]:
    """Each arm over one connection per block."""
    for key in keys:
        for arm in ARMS:
            calls = 144 if key.load == "paced" else 360
            yield Traffic(key, arm, calls, 812.0, 21_480.5 if key.stream else 1_310.0, 6, 1 - 6 / calls)


def build(blocks: int = 6) -> Findings:
    """A run of the quick plan with K blocks."""
    keys = tuple(cells())
    pairs = (("openai", "raw_http"), ("openai-null", "openai"), ("litellm", "openai"))
    comparisons = tuple(comparison(key, arm, base, blocks) for key in keys for arm, base in pairs)
    paced = [c for c in comparisons if c.cell.load == "paced"]
    return Findings(
        runs=(replace(run_summary(), blocks_done=blocks, blocks_planned=blocks),),
        headline=Headline(
            comparisons=tuple(c for c in paced if c.arm == "litellm"),
            null_comparisons=tuple(c for c in paced if c.is_null),
            load="paced",
        ),
        comparisons=comparisons,
        modes=tuple(mode_comparisons()) if blocks >= 6 else (),
        summaries=tuple(summary(key, arm) for key in keys for arm in ARMS),
        layers=tuple(layer for key in keys for layer in layers(key)),
        cold=tuple(cold()),
        latencies=(
            LatencyModel(
                "openai",
                "gpt-5-mini",
                "authored",
                0.84,
                0.0175,
                0.55,
                1.23,
                13.8,
                113,
                300,
                "server-side, short prompts",
            ),
        ),
        doubts=(Doubt.SCREENING, Doubt.CPU_PRESSURE, Doubt.AUTHORED_LATENCIES, Doubt.DIFFERENT_HTTP_LIBRARY),
        calls_total=13_824,
        calls_failed=0,
        causality_violations=0,
        self_tests=(
            SelfTest(
                "A/A false positives", "4.2 % of 240", "≤ 7 %", passed=True, measured_at="2026-11-22T18:00:00+00:00"
            ),
            SelfTest("50 µs injected", "49.1 µs [44, 55]", "50 ± 10 µs", passed=True, measured_at="2026-11-22"),
            SelfTest("35–60 ms band", "3 calls", "0 calls", passed=False, measured_at="2026-11-22"),
        ),
        sameness=tuple(on_the_wire(keys)),
        parameters=tuple(wire_parameters()),
        traffic=tuple(traffic(keys)),
    )


def settings() -> tuple[Setting, ...]:
    """One setting of every grade."""
    here = AppliesTo(client="litellm", mode=None, provider="openai", model="gpt-5-mini")
    return (
        Setting(
            "client_reuse", True, None, AppliesTo(), Grade.PROVISIONAL, None, 144, 1, None, None,
            ("select * from calls where arm = 'openai'",), "A new client for every call costs 22 ms.", (),
        ),
        Setting(
            "num_retries", 0, None, AppliesTo(client="litellm"), Grade.CERTIFIED, None, 144, 7, None, None,
            ("run 20261123T101500-quick-7f3a",), "Retries belong in one layer: with 2 here, 5 requests leave.", (),
        ),
        Setting(
            "environment.LITELLM_LOCAL_MODEL_COST_MAP", "True", None, AppliesTo(client="litellm"), Grade.PROVISIONAL,
            None, 10, 1, None, None, ("cold",), "Otherwise the import fetches a price table over the network.", (),
        ),
        Setting(
            "total_timeout", 41.0, "s", replace(here, max_tokens=300, request_stream=False), Grade.EXAMPLE,
            Guarantee("extrapolated", 0.001, None), 113, None, 2995, "authored", ("gpt-5-mini-chat cassette",),
            "Time follows tokens: 0.84 s + 0.0175 s per output token.", ("authored_latencies",),
        ),
        Setting(
            "inter_chunk_timeout", None, "s", replace(here, request_stream=True), Grade.INSUFFICIENT_DATA,
            None, 144, 1, 2995, "authored", (), "144 streams bound no rate below 2.1 %.", (),
        ),
    )  # fmt: skip


def smoke() -> Findings:
    """K = 2: no interval exists anywhere."""
    findings = build(blocks=2)
    doubts = (Doubt.FEW_BLOCKS, Doubt.AUTHORED_LATENCIES)
    return replace(findings, doubts=doubts, self_tests=())


def with_verdict(verdict: Verdict) -> Findings:
    """The example with one verdict on every LiteLLM comparison."""
    findings = build()
    small = interval(0.00002, 0.000015)
    changed = tuple(
        replace(c, verdict=verdict, difference=small, median_difference_s=0.00002)
        for c in findings.headline.comparisons
    )
    return replace(findings, headline=replace(findings.headline, comparisons=changed))


def hot_only() -> Findings:
    """A run without paced cells."""
    findings = build()
    hot = tuple(c for c in findings.comparisons if c.cell.load == "hot")
    return replace(
        findings,
        comparisons=hot,
        modes=(),
        headline=Headline(tuple(c for c in hot if c.arm == "litellm"), tuple(c for c in hot if c.is_null), load="hot"),
        summaries=tuple(s for s in findings.summaries if s.cell.load == "hot"),
        layers=tuple(x for x in findings.layers if x.cell.load == "hot"),
    )


def incomplete() -> Findings:
    """An interrupted run with failed calls, every doubt and broken causality."""
    findings = build()
    run = replace(run_summary(), is_complete=False, blocks_done=6, blocks_planned=20, duration_s=None, git_commit=None)
    failed = tuple(replace(s, failed=3, censored=1, attempts_per_call=1.02) for s in findings.summaries)
    return replace(
        findings, runs=(run,), summaries=failed, calls_failed=144, causality_violations=2, doubts=tuple(Doubt)
    )


def nothing() -> Findings:
    """A run that was interrupted before anything could be concluded."""
    empty = Headline(comparisons=(), null_comparisons=(), load="paced")
    run = replace(run_summary(), is_complete=False, blocks_done=0)
    return Findings((run,), empty, (), (), (), (), (), (), (Doubt.INCOMPLETE_RUN,), 0, 0, 0, ())


def long_names() -> Findings:
    """Model names longer than any label has room for."""
    return _renamed("a-provider-of-models/some-extremely-long-model-name-2026-11-23-preview-thinking-high" * 2)


def hostile() -> Findings:
    """Markup, mathtext, control characters and a right-to-left override in every name from outside."""
    findings = _renamed(HOSTILE)
    run = replace(run_summary(), plan_name=HOSTILE, environment=((HOSTILE, HOSTILE),))
    tests = (SelfTest(HOSTILE, HOSTILE, HOSTILE, passed=False, measured_at=HOSTILE),)
    return replace(findings, runs=(run,), self_tests=tests)


def hostile_settings() -> tuple[Setting, ...]:
    """A setting made of markup."""
    target = AppliesTo(client=HOSTILE, model=HOSTILE)
    return (
        Setting(
            HOSTILE,
            HOSTILE,
            HOSTILE,
            target,
            Grade.PROVISIONAL,
            None,
            1,
            1,
            1,
            "recorded",
            (HOSTILE,),
            HOSTILE,
            (HOSTILE,),
        ),
    )


def two_runs() -> Findings:
    """The same plan measured twice: the same cells under two run ids."""
    first = build()
    runs = tuple(replace(run_summary(), run_id=name) for name in ("first-run", "second-run"))

    def key(run_id: str, old: CellKey) -> CellKey:
        return replace(old, run_id=run_id)

    return replace(
        first,
        runs=runs,
        comparisons=tuple(replace(c, cell=key(r.run_id, c.cell)) for r in runs for c in first.comparisons),
        modes=tuple(replace(c, cell=key(r.run_id, c.cell)) for r in runs for c in first.modes),
        summaries=tuple(replace(s, cell=key(r.run_id, s.cell)) for r in runs for s in first.summaries),
        layers=tuple(replace(x, cell=key(r.run_id, x.cell)) for r in runs for x in first.layers),
        sameness=tuple(replace(s, cell=key(r.run_id, s.cell)) for r in runs for s in first.sameness),
        parameters=tuple(replace(p, cell=key(r.run_id, p.cell)) for r in runs for p in first.parameters),
        traffic=tuple(replace(t, cell=key(r.run_id, t.cell)) for r in runs for t in first.traffic),
        cold=tuple(replace(c, run_id=r.run_id) for r in runs for c in first.cold),
    )


EDGE_CASES: dict[str, Callable[[], Findings]] = {
    "two runs": two_runs,
    "screening": build,
    "smoke": smoke,
    "hot only": hot_only,
    "incomplete": incomplete,
    "nothing": nothing,
    "long names": long_names,
    "hostile": hostile,
    "standard": lambda: build(blocks=20),
    "below noise": lambda: with_verdict(Verdict.BELOW_NOISE),
}


def _renamed(model: str) -> Findings:
    findings = build()

    def key(old: CellKey) -> CellKey:
        return replace(old, model=model) if old.model == MODELS[0] else old

    def moved(items: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
        return tuple(replace(item, cell=key(item.cell)) for item in items)

    return replace(
        findings,
        comparisons=moved(findings.comparisons),
        modes=moved(findings.modes),
        headline=Headline(
            moved(findings.headline.comparisons), moved(findings.headline.null_comparisons), findings.headline.load
        ),
        summaries=tuple(replace(s, cell=key(s.cell)) for s in findings.summaries),
        layers=tuple(replace(x, cell=key(x.cell), label=model) for x in findings.layers),
        sameness=tuple(_resaid(s, key(s.cell), model) for s in findings.sameness),
        parameters=tuple(replace(p, cell=key(p.cell), parameters=((model, model),)) for p in findings.parameters),
        traffic=tuple(replace(t, cell=key(t.cell)) for t in findings.traffic),
        latencies=tuple(replace(x, model=model, source=model) for x in findings.latencies),
    )


def _resaid(one: Sameness, key: CellKey, text: str) -> Sameness:
    """Its texts replaced by one from outside."""
    said = tuple(replace(d, key=text, base_value=text, arm_value=text) for d in one.differences)
    return replace(one, cell=key, differences=said)
