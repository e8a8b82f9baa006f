"""Verdicts in words never say more than the numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analysis.findings import Comparison, Doubt, Verdict
from harness.report import words
from tests.report.example import cell, comparison

PACED = cell("gpt-5-mini", "sync", False, "paced")


def litellm(verdict: Verdict, blocks: int = 6) -> Comparison:
    """LiteLLM minus the SDK with the given verdict."""
    return replace(comparison(PACED, "litellm", "openai", blocks), verdict=verdict)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_words(verdict: Verdict) -> None:
    """A label for the badge and a sentence that ends."""
    said = words.said(litellm(verdict))
    assert said.label
    assert said.sentence.endswith(".")


@pytest.mark.parametrize("verdict", [v for v in Verdict if v not in (Verdict.SLOWER, Verdict.FASTER)])
def test_only_two_verdicts_claim_an_effect(verdict: Verdict) -> None:
    """Every other tone is quiet or a warning, and no sentence calls it slower or faster."""
    said = words.said(litellm(verdict))
    assert said.tone != "effect"
    assert "slower" not in said.sentence.lower()
    assert "faster" not in said.sentence.lower()


def test_a_screening_says_so() -> None:
    """Six blocks are a first impression, twenty are not."""
    assert "screening" in words.said(litellm(Verdict.SLOWER)).sentence
    assert "screening" not in words.said(litellm(Verdict.SLOWER, blocks=20)).sentence


def test_too_few_blocks_print_no_interval() -> None:
    """The bare median stands there with the words that it has none."""
    smoke = litellm(Verdict.NOT_ENOUGH_BLOCKS, blocks=2)
    assert "no interval" in words.effect(smoke)
    assert "[" not in words.effect(smoke)
    assert "2 blocks measured" in words.said(smoke).sentence


def test_inconclusive_names_its_obstacle() -> None:
    """Disagreeing tests, a missing floor, too few blocks and Holm are four different things to do about."""
    base = litellm(Verdict.INCONCLUSIVE)
    assert base.t_interval is not None
    disagreeing = replace(base, t_interval=replace(base.t_interval, low=-1.0))
    sentences = [
        words.said(disagreeing).sentence,
        words.said(replace(base, noise_floor_s=None)).sentence,
        words.said(replace(base, doubts=(Doubt.FEW_BLOCKS,))).sentence,
        words.said(base).sentence,
    ]
    assert "cross-check" in sentences[0]
    assert "null arm" in sentences[1]
    assert "blocks cannot survive" in sentences[2]
    assert "Holm" in sentences[3]


def test_arms_and_contrasts_have_plain_names() -> None:
    """A control is the arm minus itself; a mode stays beside its arm."""
    assert words.arm_name("openai-null") == "openai SDK again (A/A)"
    assert words.arm_name("litellm async") == "LiteLLM async"
    assert words.contrast(comparison(PACED, "openai-null", "openai")) == "openai SDK − itself (A/A)"
    assert words.contrast(litellm(Verdict.SLOWER)) == "LiteLLM − openai SDK"
    assert words.cell_name(PACED) == "gpt-5-mini · whole · sync · paced"


@pytest.mark.parametrize(
    ("blocks", "word"),
    [(2, "smoke test"), (6, "screening"), (9, "screening"), (12, "below standard"), (20, "standard")],
)
def test_the_strength_of_a_run_follows_its_blocks(blocks: int, word: str) -> None:
    """The limits are those of the method."""
    assert words.strength(blocks) == word
