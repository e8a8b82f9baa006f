"""Configurations as people have them: what each states, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.configs.reading import read_configuration
from harness.configs.stated import Limit
from harness.errors import UsageError

YAML = """
model_list:
  - model_name: fast
    litellm_params: {model: openai/gpt-5-mini, timeout: 30, stream_timeout: 10, max_retries: 0}
  - model_name: fast
    litellm_params: {model: azure/gpt-5-mini, timeout: 99}
  - model_name: slow
    litellm_params: {model: anthropic/claude-haiku-4-5}
router_settings: {num_retries: 2, timeout: 60, retry_policy: {ServiceUnavailableErrorRetries: 1}}
litellm_settings: {request_timeout: 600}
"""


def written(tmp_path: Path, name: str, text: str) -> Path:
    """A file of that name."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_litellms_limits_are_read_from_the_nearest_place(tmp_path: Path) -> None:
    """The deployment's own before the Router's before the module's; a policy before a number."""
    fast, slow = read_configuration(written(tmp_path, "c.yaml", YAML)).stated
    assert (fast.name, fast.provider, fast.model) == ("fast", "openai", "gpt-5-mini")
    assert (fast.timeout_s, fast.stream_timeout_s, fast.retries) == (30, 10, 1)
    assert fast.retries_key == "router_settings.retry_policy"
    assert (slow.timeout_s, slow.stream_timeout_s) == (60, None)
    assert slow.seconds(Limit.STREAM_TIMEOUT) == 60
    assert not fast.is_guarded


def test_a_python_export_is_read_without_being_run(tmp_path: Path) -> None:
    """Its literal, and the provider by the model's name."""
    path = written(
        tmp_path,
        "c.py",
        "import os\nos.abort()\n"
        'MODEL_CONFIGS: dict = {"claude-x": {"total_timeout": 9.0, "timeout": 9.0, "max_retries": 0}}\n',
    )
    (stated,) = read_configuration(path).stated
    assert (stated.provider, stated.total_s, stated.retries, stated.is_guarded) == ("anthropic", 9.0, 0, True)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c.yaml", "a: [1", "syntax error in line"),
        ("c.yaml", "a: 1", "model_list: expected a list"),
        ("c.yaml", "model_list: [{model_name: x}]", "model_list.0: expected model_name and litellm_params.model"),
        ("c.yaml", "model_list: []\nrouter_settings: 3", "router_settings: expected a mapping"),
        ("c.json", "{}", "expected recommendations"),
        ("c.json", "x", "expected recommendations"),
        ("c.py", "MODEL_CONFIGS = f()", "literal MODEL_CONFIGS"),
        ("c.py", "x = (", "literal MODEL_CONFIGS"),
        ("c.toml", "x = 1", "expected .yaml"),
    ],
)
def test_what_is_no_configuration_is_refused_in_one_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    """By name, with what was expected."""
    with pytest.raises(UsageError) as caught:
        read_configuration(written(tmp_path, name, text))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """In one line."""
    with pytest.raises(UsageError, match="no such configuration"):
        read_configuration(tmp_path / "nowhere.yaml")
