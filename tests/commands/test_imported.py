"""From a log to a configuration, by the commands alone: import, recommend in every form, advise, report."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml  # type: ignore[import-untyped]
from jsonschema import Draft202012Validator

from harness.__main__ import run
from harness.recommend.exports import EXPORTS
from harness.recommend.exports.json import schema

Said = Callable[..., str]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine days of 500 calls to one model, streamed, the newest of yesterday; one in a hundred answered by a 429."""
    rng = np.random.default_rng(1)
    path = tmp_path_factory.mktemp("log") / "calls.csv"
    start = datetime.now(UTC) - timedelta(days=9)
    lines = ["request_id,timestamp,provider,model,stream,max_tokens,total_s,ttft_s,max_gap_s,ok,error"]
    for number in range(4500):
        at = (start + timedelta(days=number * 8.9 / 4500)).isoformat()
        first, rest, gap = 0.5 * np.exp(0.5 * rng.standard_normal(3))
        row = f"r{number},{at},openai,gpt-5-mini,true,512"
        bad = number % 100 == 99
        lines.append(
            f"{row},0.1,,,false,429" if bad else f"{row},{first + 4 * rest:.6f},{first:.6f},{gap / 4:.6f},true,"
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def results(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset that holds the log and nothing else."""
    folder = tmp_path_factory.mktemp("imported") / "results"
    assert run(["import", "csv", str(log), "--results", str(folder)]) == 0
    return folder


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], results: Path) -> Said:
    """What a command prints on standard output."""

    def said(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run([*arguments, "--results", str(results)]) == code
        return capsys.readouterr().out

    return said


def test_importing_again_says_that_nothing_was_added(said: Said, log: Path) -> None:
    """And exits well."""
    assert "nothing added" in said("import", "csv", str(log))
    document = json.loads(said("import", "csv", str(log), "--json"))
    assert document["imports"][0]["was_there"] is True


def test_the_recommendation_is_certified_and_valid(said: Said) -> None:
    """Against its published schema; 1 % from 4,455 calls over nine days."""
    document = json.loads(said("recommend", "--json", "--false-timeout-rate", "0.01"))
    Draft202012Validator(schema()).validate(document)
    limits = {each["setting"]: each for each in document["settings"] if each["applies_to"]["model"]}
    for name in ("first_chunk_timeout", "inter_chunk_timeout", "total_timeout", "connect_timeout"):
        assert limits[name]["grade"] == "certified", limits[name]
        assert limits[name]["n"] == 4455
        assert limits[name]["origin"] == "imported"
    stricter = json.loads(said("recommend", "--json", "--false-timeout-rate", "0.0001"))
    refused = [each for each in stricter["settings"] if each["setting"] == "total_timeout"]
    assert refused[0]["grade"] == "insufficient_data"
    assert refused[0]["value"] is None
    assert refused[0]["required_n"] == 29956


@pytest.mark.parametrize("form", EXPORTS)
def test_every_form_says_how_far_to_trust_it(said: Said, form: str) -> None:
    """The grade, n, the guarantee and the date stand beside values; and each can be read as what it is."""
    text = said("recommend", "--format", form, "--false-timeout-rate", "0.01")
    if form in ("anthropic", "genai"):
        assert "MODEL_CONFIGS: dict[str, dict[str, Any]] = {\n}" in text
        return
    assert "certified" in text
    if form != "json":
        assert "n = 4455" in text
        assert "≤ 1 % false timeouts at 95% confidence" in text
    if form in ("python", "openai"):
        ast.parse(text)
    if form in ("litellm", "envoy"):
        assert isinstance(yaml.safe_load(text), dict)
    if form == "json":
        json.loads(text)


def test_litellms_form_has_every_layer_but_one_at_no_retries(said: Said) -> None:
    """And a stream's one knob spares both of its waits."""
    text = said("recommend", "--format", "litellm", "--false-timeout-rate", "0.01")
    config: dict[str, Any] = yaml.safe_load(text)
    (deployment,) = config["model_list"]
    params = deployment["litellm_params"]
    assert params["max_retries"] == 0
    assert config["litellm_settings"]["num_retries"] == 0
    assert config["router_settings"]["num_retries"] == 2
    document = json.loads(said("recommend", "--json", "--false-timeout-rate", "0.01"))
    values = {each["setting"]: each["value"] for each in document["settings"] if each["applies_to"]["model"]}
    assert params["stream_timeout"] == max(values["first_chunk_timeout"], values["inter_chunk_timeout"])


def test_advice_compares_a_configuration_with_the_calls(said: Said, tmp_path: Path) -> None:
    """600 s is a wait for hangs, half a second cuts calls off, and a model never seen is said to be unknown."""
    config = tmp_path / "c.yaml"
    config.write_text(
        "model_list:\n"
        "  - {model_name: gpt-5-mini, litellm_params: {model: openai/gpt-5-mini, timeout: 600, stream_timeout: 0.5}}\n"
        "  - {model_name: other, litellm_params: {model: openai/other}}\n"
    )
    found = json.loads(said("advise", str(config), "--false-timeout-rate", "0.01", "--json"))["advice"]
    words = {(each["model"], each["setting"]): each["word"] for each in found}
    assert words["gpt-5-mini", "timeout"] == "too_long"
    assert words["gpt-5-mini", "stream_timeout"] == "too_short"
    assert words["other", "timeout"] == "unknown"
    assert any("× the certified bound" in each["why"] for each in found)


def test_the_page_shows_limits_beside_their_evidence(said: Said, tmp_path: Path) -> None:
    """Built from the import alone: nothing was measured, and it says so where that is missing."""
    out = tmp_path / "page"
    said("report", "--out", str(out))
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "What a limit costs" in page
    assert "certified" in page
    assert "folklore" not in page or "150" in page
