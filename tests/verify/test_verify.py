"""Configurations put to the test for real: LiteLLM's Router, native clients under the guard, the backend's faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.configs.reading import read_configuration
from harness.places import benchmarks_dir
from harness.verify.run import Verified, verify

SOUND = """
model_list:
  - model_name: fast
    litellm_params: {model: openai/gpt-5-mini, api_key: x, timeout: 40, stream_timeout: 20, max_retries: 0}
router_settings: {num_retries: 0}
litellm_settings: {num_retries: 0}
"""
MISTAKEN = """
model_list:
  - model_name: elsewhere
    litellm_params: {model: bedrock/claude, timeout: 40}
router_settings:
  retry_polcy: {TimeoutErrorRetries: 0}
"""
PYTHON = """
MODEL_CONFIGS = {
    "gpt-5-mini": {"timeout": 30.0, "first_chunk_timeout": 8.0, "inter_chunk_timeout": 5.0, "total_timeout": 30.0,
                   "max_retries": 0},
}
"""

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]


def verified(tmp_path: Path, name: str, text: str) -> Verified:
    """Write it, read it, try it."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return verify(read_configuration(path), benchmarks_dir(), lambda line: None)


def test_a_sound_configuration_of_litellm_holds(tmp_path: Path) -> None:
    """Each limit fires when it says, one request a call, and a drip has no end."""
    found = verified(tmp_path, "sound.yaml", SOUND)
    assert found.holds, found
    assert {each.limit for each in found.judged} == {
        "timeout",
        "stream_timeout",
        "router_settings.num_retries",
        "one call at worst",
    }
    assert any("no end when an answer drips" in each.found for each in found.judged)


def test_a_misspelt_field_is_found(tmp_path: Path) -> None:
    """With what it may have meant; LiteLLM itself says nothing."""
    found = verified(tmp_path, "mistaken.yaml", MISTAKEN)
    assert not found.holds
    assert found.unknown == (
        "router_settings.retry_polcy: LiteLLM has no such field and ignores it; did you mean retry_policy?",
    )


def test_a_python_export_holds_under_its_guard(tmp_path: Path) -> None:
    """The drip included."""
    found = verified(tmp_path, "config.py", PYTHON)
    assert found.holds, found
    assert sum(each.holds is True for each in found.judged) == 5


def test_a_provider_without_a_stand_in_is_said_not_to_be_tried(tmp_path: Path) -> None:
    """Rather than passed."""
    found = verified(tmp_path, "other.yaml", SOUND.replace("openai/gpt-5-mini", "bedrock/claude"))
    assert found.judged == ()
    assert "were not tried" in found.skipped[0]
