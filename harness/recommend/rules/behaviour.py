"""Settings that were a condition of every measurement: one client, no inner retries, LiteLLM's switches, a wall clock.

What this supports is modest and each ``why`` says so: the numbers of the run hold under these conditions, the cost of
leaving them was not measured. n counts blocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.analysis.findings import ArmSummary, Doubt, Findings
from harness.recommend.aim import Aim
from harness.recommend.ground import Ground, ground_of, quoted, share, sole_provider, span, subjects
from harness.recommend.proof import Proof, proof_of
from harness.recommend.setting import AppliesTo, Setting
from harness.vocabulary import Mode

LITELLM = "litellm"

SWITCHES = (
    ("LITELLM_LOCAL_MODEL_COST_MAP", "the import fetches the price table"),
    (
        "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS",
        "the first call that looks up Anthropic's beta headers fetches their table",
    ),
)
"""Environment variable, and what happens over the network without it."""

GUARDS = {Mode.ASYNC: "asyncio.timeout", Mode.SYNC: "daemon_thread"}
"""Async: the standard library's cancel scope. Sync: a daemon thread hands control back; the call itself goes on."""


def reuse_client(findings: Findings, aim: Aim) -> Iterator[Setting]:
    """True per client: the condition under which its calls were measured."""
    for client in subjects(findings):
        ground, summaries = ground_of(findings, client), _summaries(findings, client)
        yield ground.settle(
            "reuse_client",
            True,
            AppliesTo(client=client, provider=sole_provider(findings, client)),
            n=ground.blocks,
            why=(
                f"all {_calls(summaries)} measured calls shared one client per process ({_kept(summaries)}), and a "
                f"fresh process's first call {_first_call(findings, client)}; what a new client per call adds was not "
                "measured"
            ),
            query=_per_mode(
                ground, client, "request_stream, avg(coalesce(connection_reused, false)::int) AS kept, count(*) AS n"
            ),
        )


def inner_retries(findings: Findings, aim: Aim) -> Iterator[Setting]:
    """0 per client, where the journal shows exactly one request for each call."""
    for client in subjects(findings):
        ground, summaries = ground_of(findings, client), _summaries(findings, client)
        more = any(summary.attempts_per_call > 1.0 for summary in summaries)
        single = _is_one_request_each(ground, summaries)
        yield ground.settle(
            "inner_retries",
            0 if single else None,
            AppliesTo(client=client, provider=sole_provider(findings, client)),
            n=ground.blocks,
            why=_one_request(client, summaries, proof_of(findings, client))
            if single
            else _other_requests(summaries, more=more),
            query=_per_mode(ground, client, "avg(attempts) AS attempts_per_call, count(*) AS n"),
            doubts=(Doubt.EXTRA_ATTEMPTS,) if more else (),
        )


def environment(findings: Findings, aim: Aim) -> Iterator[Setting]:
    """LiteLLM's two switches, where LiteLLM was measured."""
    if LITELLM not in subjects(findings):
        return
    ground = ground_of(findings, LITELLM)
    imports = [cold.import_s[0] for cold in findings.cold if cold.arm == LITELLM]
    took = f"its import took {span(imports)} so" if imports else "its import was not timed"
    for name, otherwise in SWITCHES:
        yield ground.settle(
            name,
            "True",
            AppliesTo(client=LITELLM),
            n=ground.blocks,
            why=(
                f"set before LiteLLM was imported in every measured process, and {took}; without it {otherwise} "
                "over the network (documented upstream, not measured here)"
            ),
            query=ground.query(
                "cold", "arm, mode, median(import_ns) / 1e9 AS import_s, count(*) AS n", "arm = 'litellm'"
            ),
        )


def wall_clock_guard(findings: Findings, aim: Aim) -> Iterator[Setting]:
    """The guard outside the SDK, per mode that was measured."""
    known = subjects(findings)
    for mode, guard in sorted(GUARDS.items()):
        summaries = [s for s in findings.summaries if s.arm in known and s.cell.mode == mode]
        if summaries:
            proofs = {client: proof_of(findings, client, mode) for client in sorted({s.arm for s in summaries})}
            yield _guard(ground_of(findings, *known), mode, guard, summaries, proofs)


def _guard(
    ground: Ground, mode: Mode, guard: str, summaries: list[ArmSummary], proofs: Mapping[str, Proof | None]
) -> Setting:
    return ground.settle(
        "wall_clock_guard",
        guard,
        AppliesTo(mode=mode.value),
        n=ground.blocks,
        why=_guard_why(mode, summaries, proofs),
        query=ground.query(
            "calls",
            "arm, max(duration_ns) / 1e9 AS longest_s, sum(is_censored::int) AS censored, count(*) AS n",
            f"mode = {quoted(mode)}",
        ),
    )


def _guard_why(mode: Mode, summaries: list[ArmSummary], proofs: Mapping[str, Proof | None]) -> str:
    calls, censored = sum(s.calls + s.failed for s in summaries), sum(s.censored for s in summaries)
    limit = (
        "the thread hands back control while the request itself goes on until its socket times out"
        if mode is Mode.SYNC
        else "it cancels the request at the deadline"
    )
    return (
        f"{_of_limits(proofs)}, so only a clock outside the SDK bounds a call; {limit}; {censored} of {calls} calls "
        f"here met a limit"
    )


def _of_limits(proofs: Mapping[str, Proof | None]) -> str:
    """What the fault matrix says of the clients' own limits and of the guard; what it was not asked stays open."""
    known = [proof for proof in proofs.values() if proof is not None]
    unknown = [client for client, proof in proofs.items() if proof is None]
    if not known:
        return "`timeout=` bounds each socket read and not the call (documented upstream; no fault was put to it here)"
    said = "under faults and with `timeout=`, " + ", ".join(proof.of_its_limit for proof in known)
    guarded, overran = sum(proof.guarded for proof in known), sum(proof.guard_overran for proof in known)
    if guarded:
        said += f"; under the guard control came back in time in {guarded - overran} of {guarded}"
    return said + (f"; {', '.join(unknown)} unclassified: no fault was put to this version" if unknown else "")


def _is_one_request_each(ground: Ground, summaries: list[ArmSummary]) -> bool:
    """A mean of 1 proves it unless failed calls without a request could outweigh others with two."""
    sound = Doubt.EXTRA_ATTEMPTS not in ground.doubts or not any(summary.failed for summary in summaries)
    return sound and all(summary.attempts_per_call == 1.0 for summary in summaries)


def _one_request(client: str, summaries: list[ArmSummary], proof: Proof | None) -> str:
    multiplies = ""
    if proof is not None and (proof.most_requests or 0) > (proof.requests_asked or 0):
        multiplies = (
            f" ({client} {proof.version} made {proof.most_requests} where {proof.requests_asked} were asked for)"
        )
    elif client == LITELLM and (proof is None or proof.most_requests is None):
        multiplies = (
            " (LiteLLM's num_retries over openai's own multiplies the requests: documented upstream, not measured here)"
        )
    return (
        f"one retry layer only, and that one yours{multiplies}; with retries off each of {_calls(summaries)} calls was "
        "exactly one request on the wire"
    )


def _other_requests(summaries: list[ArmSummary], *, more: bool) -> str:
    if not more:
        failed = sum(summary.failed for summary in summaries)
        return (
            f"{failed} of {_calls(summaries)} calls failed and the journal does not show one request for each call: "
            "find what failed, then measure again"
        )
    highest = max(summary.attempts_per_call for summary in summaries)
    return (
        f"retries were to be off, yet up to {highest:.3g} requests per call were seen over {_calls(summaries)} calls: "
        "find what retries, then measure again"
    )


def _kept(summaries: list[ArmSummary]) -> str:
    shapes = {
        shape: [summary.connection_reuse for summary in summaries if summary.cell.stream is stream]
        for shape, stream in (("whole", False), ("streamed", True))
    }
    said = " and ".join(f"{share(fractions)} of {shape}" for shape, fractions in shapes.items() if fractions)
    return f"{said} ones over a kept connection"


def _first_call(findings: Findings, client: str) -> str:
    medians = [cold.first_call_s[0] for cold in findings.cold if cold.arm == client]
    return f"took {span(medians)}" if medians else "was not timed"


def _calls(summaries: list[ArmSummary]) -> int:
    return sum(summary.calls + summary.failed for summary in summaries)


def _summaries(findings: Findings, client: str) -> list[ArmSummary]:
    return [summary for summary in findings.summaries if summary.arm == client]


def _per_mode(ground: Ground, client: str, columns: str) -> str:
    return ground.query("calls", f"arm, mode, {columns}", f"arm = {quoted(client)}")
