"""A live run against a provider that is no replay server of ours: uvicorn over TLS, a key, and what can go wrong."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.provider import Provider, running
from harness.cassette import SUFFIX, load_cassette
from harness.clients import Question
from harness.conductor.budget import Budget, OverBudget, Worst, worst_of
from harness.conductor.forecast import forecast
from harness.conductor.live import Live, Throttle, live_to
from harness.conductor.processes import worker_environment
from harness.conductor.progress import Quiet
from harness.conductor.run import Campaign, run
from harness.dataset.store import Store
from harness.errors import BackendError, DataError, UsageError
from harness.load.pipe import Used
from harness.places import benchmarks_dir
from harness.plan import Plan, PlanFile, arms_of, cells_of, plan_text
from harness.prices import Price, Tokens
from harness.replay.certificates import make_certificate
from harness.replay.launch import Secured

KEY = "sk-canary-of-a-live-run-0123456789"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Secured:
    """The provider's certificate, and who signed it."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(scope="module")
def provider(made: Secured) -> Iterator[Provider]:
    """One that answers who has the key."""
    with running(certificate=made.certificate, key=KEY) as found:
        yield found


def campaign(live: Live, **changes: object) -> Campaign:
    """Two blocks of bare HTTP and its null, whole and streamed."""
    raw = {
        "name": "live-small",
        "description": "For tests.",
        "blocks": 2,
        "warmup": 1,
        "arms": ["raw_http", "raw_http-null"],
        "cells": [
            {
                "provider": "openai",
                "models": ["gpt-5-mini"],
                "workload": "chat",
                "modes": ["sync", "async"],
                "streams": [False, True],
                "load": "hot",
                "calls": 3,
            }
        ],
        **changes,
    }
    plan = Plan.model_validate(raw, strict=False)
    file = PlanFile(plan, plan_text(plan), Path("live-small.toml"))
    return Campaign(file, arms_of(plan), cells_of(plan), 1, benchmarks_dir(), live)


def live(provider: Provider, made: Secured, key: str = KEY, **more: Any) -> Live:
    """Against this provider in place of OpenAI."""
    found = Live({"openai": provider.url}, {"openai": key}, made.authority)
    return replace(found, **more)


@pytest.mark.real
def test_a_live_run_is_a_run(provider: Provider, made: Secured, tmp_path: Path) -> None:
    """Its rows say live, hold both sides' stamps, sum to the wall; what passed can be recorded; no key is written."""
    store = Store(tmp_path / "results")
    result = run(campaign(live(provider, made, record=tmp_path / "cassettes")), store, Quiet())
    assert result.failures == ()
    assert (result.manifest.backend, result.manifest.is_complete) == ("live", True)
    calls = store.calls([result.manifest.run_id])
    assert len(calls) == 2 * 2 * 4 * 3
    assert set(calls["backend"]) == set(calls["origin"]) == {"live"}
    assert set(calls["outcome"]) == {"ok"}
    assert (calls["pre_send_ns"] + calls["server_ns"] + calls["post_receive_ns"] == calls["duration_ns"]).all()
    assert (calls[["pre_send_ns", "server_ns", "post_receive_ns"]] >= 0).all(axis=None)
    assert set(calls["usage_output_tokens"]) == {7}
    attempts = store.attempts([result.manifest.run_id])
    assert (attempts["received_ns"] <= attempts["upstream_sent_ns"]).all()
    assert (attempts["upstream_sent_ns"] < attempts["upstream_first_byte_ns"]).all()
    assert set(attempts["openai_processing_ns"]) == {12_000_000}
    assert attempts["upstream_connection_reused"].any()
    cassettes = [load_cassette(path) for path in (tmp_path / "cassettes").glob(f"*{SUFFIX}")]
    assert {(each.head.workload, each.head.stream) for each in cassettes} == {("chat", False), ("chat", True)}
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY.encode() not in written


NGINX = """
worker_processes 1; daemon off; error_log /dev/null; pid {folder}/nginx.pid;
events {{ }}
http {{ access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate}; ssl_certificate_key {certificate};
    location /api/ {{ proxy_pass {behind}/; proxy_http_version 1.1; proxy_buffering off; }} }} }}
"""


def free_port() -> int:
    """One that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(command: list[str], port: int, within_s: float, **more: Any) -> Iterator[None]:
    """A server that takes connections."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    try:
        end_s = time.monotonic() + within_s
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, "it ended at once"
                assert time.monotonic() < end_s, "it does not come up"
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def behind_nginx(folder: Path, made: Secured) -> Iterator[Live]:
    """nginx, which does TLS and passes on to uvicorn."""
    if shutil.which("nginx") is None:
        pytest.skip("no nginx here; make system-deps installs Debian's")
    port, config = free_port(), folder / "nginx.conf"
    with running() as provider:
        config.write_text(NGINX.format(folder=folder, port=port, certificate=made.certificate, behind=provider.url))
        with started(["nginx", "-c", str(config)], port, 10):
            yield Live({"openai": f"https://127.0.0.1:{port}/api"}, {"openai": KEY}, made.authority)


@contextmanager
def litellm_proxy(folder: Path, made: Secured) -> Iterator[Live]:
    """LiteLLM's proxy, whose answers are mocked."""
    port, config = free_port(), folder / "proxy.yaml"
    params = {"model": "openai/gpt-5-mini", "api_key": "none", "mock_response": "a mocked answer"}
    models = [{"model_name": "gpt-5-mini", "litellm_params": params}]
    settings = {"dangerously_permit_weak_or_unset_master_key": True}
    config.write_text(json.dumps({"model_list": models, "general_settings": settings}))
    serve = [sys.executable, "-c", "from litellm import run_server; run_server()"]
    command = [*serve, "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
    with started(command, port, 60, env=worker_environment(), cwd=folder):
        yield Live({"openai": f"http://127.0.0.1:{port}"}, {"openai": KEY})


@pytest.mark.real
@pytest.mark.parametrize("upstream", [behind_nginx, litellm_proxy])
def test_other_peoples_servers_are_providers_too(upstream: Any, made: Secured, tmp_path: Path) -> None:
    """nginx before uvicorn, over TLS and below a path; LiteLLM's proxy with mocked answers."""
    store = Store(tmp_path / "results")
    with upstream(tmp_path, made) as found:
        result = run(campaign(found, arms=["openai", "openai-null"], blocks=1), store, Quiet())
    calls = store.calls([result.manifest.run_id])
    assert result.failures == ()
    assert set(calls["outcome"]) == {"ok"}
    assert (calls["pre_send_ns"] + calls["server_ns"] + calls["post_receive_ns"] == calls["duration_ns"]).all()


@pytest.mark.real
def test_live_and_recorded_rows_meet_nowhere(provider: Provider, made: Secured, tmp_path: Path) -> None:
    """The analysis keeps them in cells of their own, and a recorded run knows no provider's side."""
    from harness.analysis.analyse import findings_from

    store = Store(tmp_path / "results")
    run(campaign(live(provider, made)), store, Quiet())
    recorded = run(replace(campaign(live(provider, made)), live=None), store, Quiet())
    assert store.attempts([recorded.manifest.run_id])["upstream_sent_ns"].isna().all()
    findings = findings_from(store, [manifest.run_id for manifest in store.manifests()])
    kinds = {(c.cell.backend, c.blocks) for c in findings.comparisons}
    assert kinds == {("live", 2), ("recorded", 2)}


@pytest.mark.real
@pytest.mark.parametrize("tls", [False, True])
def test_clients_can_be_made_to_pay_for_tls(tmp_path: Path, tls: bool, made: Secured, provider: Provider) -> None:
    """A recorded run over TLS is the same run."""
    plan = replace(campaign(live(provider, made), tls=tls), live=None)
    store = Store(tmp_path / "results")
    result = run(plan, store, Quiet())
    assert result.failures == ()
    assert set(store.calls([result.manifest.run_id])["outcome"]) == {"ok"}


@pytest.mark.real
def test_a_refused_key_and_a_strangers_certificate_stop_it_before_anything_is_measured(
    provider: Provider, made: Secured, tmp_path: Path
) -> None:
    """One line, exit code 3, no run; the key is not in the line."""
    other = make_certificate(tmp_path)
    store = Store(tmp_path / "results")
    with pytest.raises(BackendError, match="openai: expected a key that it accepts, got 401") as refused:
        run(campaign(live(provider, made, key="sk-wrong-canary")), store, Quiet())
    assert "wrong-canary" not in str(refused.value)
    with pytest.raises(BackendError, match="its certificate is not trusted"):
        run(campaign(live(provider, made, authorities=other.authority)), store, Quiet())
    with pytest.raises(BackendError, match="it refuses connections"):
        run(campaign(replace(live(provider, made), upstreams={"openai": "http://127.0.0.1:9"})), store, Quiet())
    assert list(store.manifests()) == []


@pytest.mark.real
def test_a_limit_on_the_cost_stops_it_in_time(provider: Provider, made: Secured, tmp_path: Path) -> None:
    """What was finished is kept, and the run can go on with more."""
    store = Store(tmp_path / "results")
    needed = forecast(campaign(live(provider, made))).worst_usd
    assert needed is not None
    with pytest.raises(OverBudget, match="--max-cost") as told:
        run(campaign(live(provider, made, max_cost_usd=0.0007)), store, Quiet())
    assert told.value.exit_code == 1
    (manifest,) = store.manifests()
    assert not manifest.is_complete
    result = run(campaign(live(provider, made, max_cost_usd=needed)), store, Quiet(), manifest)
    assert result.manifest.is_complete
    assert len(store.calls([manifest.run_id])) == 48


@pytest.mark.real
@pytest.mark.parametrize(
    ("shape", "found", "upstream"),
    [
        ("limited", {("error", "rate_limited", 429)}, None),
        ("hang", {("timeout", "timeout", 0)}, None),
        ("html", {("error", "other", 200), ("wrong_content", "unfinished", 200)}, "html"),
        ("crash", {("error", "server_error", 500)}, None),
    ],
)
def test_a_provider_that_misbehaves_now_and_then_is_data(
    made: Secured,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shape: str,
    found: set[tuple[str, str, int]],
    upstream: str | None,
) -> None:
    """Each as what it is, on the client's side and on the wire's, and the run goes on."""
    monkeypatch.setattr("harness.conductor.run.CALL_TIMEOUT_S", 1.0)
    store = Store(tmp_path / "results")
    with running(certificate=made.certificate, shape=f"{shape}:5", after=22) as misbehaving:
        arm = "openai" if shape == "hang" else "raw_http"  # which has no limit of its own in async
        run(campaign(live(misbehaving, made), arms=[arm, f"{arm}-null"], blocks=1), store, Quiet())
    (manifest,) = store.manifests()
    calls = store.calls([manifest.run_id])
    bad = calls[calls["outcome"] != "ok"]
    assert manifest.is_complete
    assert 0 < len(bad) < len(calls) / 2
    assert set(zip(bad["outcome"], bad["error_type"], bad["http_response_status_code"].fillna(0), strict=True)) <= found
    assert ("throttled" in manifest.doubts) == (shape == "limited")
    attempts = store.attempts([manifest.run_id])
    told = attempts.loc[attempts["call_id"].isin(bad["call_id"]), "upstream_failure"]
    assert set(told.dropna()) == ({upstream} if upstream else set())


@pytest.mark.real
def test_a_provider_that_only_fails_ends_the_run_as_its_plan_says(made: Secured, tmp_path: Path) -> None:
    """It can be resumed."""
    store = Store(tmp_path / "results")
    with (
        running(certificate=made.certificate, shape="limited:1") as failing,
        pytest.raises(DataError, match="warm-up calls failed twice: error: rate_limited"),
    ):
        run(campaign(live(failing, made), stop_after_failures=2), store, Quiet())
    with (
        running(certificate=made.certificate, shape="limited", after=25) as failing,
        pytest.raises(BackendError, match="openai: 3 calls in a row failed, the last with error: rate_limited"),
    ):
        run(campaign(live(failing, made), stop_after_failures=3), store, Quiet())
    assert [manifest.is_complete for manifest in store.manifests()] == [False, False]


WORST = Worst(Tokens(100, 0, 1000), Price(provider="p", model="m", input_usd=1, cached_input_usd=0, output_usd=10))


def test_fifty_long_streams_at_once_do_not_spend_more_than_the_limit() -> None:
    """Whatever they use, whenever they end: spent and in flight never exceed it together."""
    limit_usd = WORST.usd * 20
    budget, begun, spent = Budget(limit_usd), threading.Barrier(50), []

    def stream(number: int) -> bool:
        begun.wait(10)
        try:
            reserved = budget.reserve(WORST)
        except OverBudget:
            return False
        spent.append(budget.settle(reserved, WORST, Used(100, 1000 - number, True) if number % 3 else None))
        return True

    with ThreadPoolExecutor(50) as pool:
        made = list(pool.map(stream, range(50)))
    assert 20 <= sum(made) <= 50
    assert sum(spent) == pytest.approx(budget.spent_usd)
    assert budget.spent_usd <= limit_usd


def test_calls_in_flight_count_at_their_worst() -> None:
    """Fifty that all began before one ended: as many as the limit bears at their worst."""
    budget = Budget(WORST.usd * 20.5)
    held = []
    for _ in range(50):
        try:
            held.append(budget.reserve(WORST))
        except OverBudget:
            continue
    assert len(held) == 20
    for reserved in held:
        budget.settle(reserved, WORST, Used(10, 10, True))
    assert budget.spent_usd == pytest.approx(20 * 110e-6)


def test_what_bounds_nothing_has_no_limit() -> None:
    """A model without a price, a question without an output budget."""
    question = Question("openai", "m", (), None, {}, stream=False)
    with pytest.raises(UsageError, match="expected a price of openai/m"):
        worst_of(question, None, asked_bytes=10)
    with pytest.raises(UsageError, match="expected an output budget"):
        worst_of(question, WORST.price, asked_bytes=10)


def test_a_refused_provider_is_left_alone() -> None:
    """As long as it asks for, else longer each time; an answer ends that; the pace per minute holds beside it."""
    throttle = Throttle(60)
    assert [throttle.wait_s("p", 100.0) for _ in range(3)] == [0.0, 1.0, 2.0]
    assert throttle.wait_s("other", 100.0) == 0.0
    patient = Throttle(None)
    patient.refused("p", 7.0, 10.0)
    assert patient.wait_s("p", 10.0) == 7.0
    for pause_s in (2.0, 4.0):
        patient.refused("p", None, 100.0)
        assert patient.wait_s("p", 100.0) == pause_s
    patient.answered("p")
    patient.refused("p", None, 200.0)
    assert patient.wait_s("p", 200.0) == 1.0
    assert patient.throttled == 4


@pytest.mark.parametrize("environment", [{}, {"OPENAI_API_KEY": "  "}, {"OPENAI_API_KEY": "sk-\n2"}])
def test_a_missing_key_is_told_before_anything(environment: dict[str, str]) -> None:
    """With the name of the variable, exit code 3."""
    with pytest.raises(BackendError, match="OPENAI_API_KEY") as told:
        live_to(["openai"], {}, environment)
    assert told.value.exit_code == 3
    assert "sk-" not in str(told.value)


def test_a_live_run_knows_its_providers() -> None:
    """Their own addresses unless told otherwise; nobody else's."""
    keys = {"OPENAI_API_KEY": "a-key", "GOOGLE_API_KEY": "another"}
    found = live_to(["openai", "gemini", "openai"], {"openai": "http://127.0.0.1:1/x"}, keys)
    assert dict(found.upstreams) == {
        "openai": "http://127.0.0.1:1/x",
        "gemini": "https://generativelanguage.googleapis.com",
    }
    assert "a-key" not in repr(found)
    with pytest.raises(UsageError, match="expected a provider of the plan"):
        live_to(["openai"], {"anthropic": "http://x"}, keys)
