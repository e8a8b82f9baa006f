"""The invariants of a setting hold at construction."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from harness.recommend.setting import AppliesTo, Guarantee, Setting
from harness.vocabulary import Grade

SOUND = Setting(
    setting="total_timeout",
    value=50.0,
    unit="s",
    applies_to=AppliesTo(model="m"),
    grade=Grade.PROVISIONAL,
    guarantee=None,
    n=3000,
    days=1,
    required_n=2995,
    origin="live",
    evidence=("run-1",),
    why="because",
    doubts=(),
)


@pytest.mark.parametrize(
    "wrong",
    [
        {"value": None},
        {"grade": Grade.INSUFFICIENT_DATA},
        {"grade": Grade.INSUFFICIENT_DATA, "value": None, "guarantee": Guarantee("extrapolated", 0.01, None)},
        {"grade": Grade.EXAMPLE},
        {"origin": "authored"},
        {"grade": Grade.CERTIFIED, "origin": "authored"},
        {"grade": Grade.CERTIFIED, "n": None},
        {"n": None},
        {"value": math.inf},
        {"value": math.nan},
    ],
    ids=str,
)
def test_a_setting_that_says_more_than_it_may_cannot_be_built(wrong: dict[str, object]) -> None:
    """No value without a grade for it, no authored advice, no grade without n, no number that is none."""
    with pytest.raises(ValueError, match="total_timeout"):
        replace(SOUND, **wrong)  # type: ignore[arg-type]  # the fields are mixed on purpose


@pytest.mark.parametrize(
    "right",
    [
        {"grade": Grade.CERTIFIED, "guarantee": Guarantee("order_statistic", 0.001, 0.95)},
        {"grade": Grade.EXAMPLE, "origin": "authored", "n": None},
        {"grade": Grade.INSUFFICIENT_DATA, "value": None, "n": None},
        {"value": 0},
        {"value": False},
    ],
    ids=str,
)
def test_each_grade_has_its_lawful_form(right: dict[str, object]) -> None:
    """Zero and false are values; an example may lack n; a refusal may lack everything but its reason."""
    setting = replace(SOUND, **right)  # type: ignore[arg-type]  # the fields are mixed on purpose
    assert (setting.value is None) == (setting.grade is Grade.INSUFFICIENT_DATA)


def test_the_field_order_is_the_documents() -> None:
    """Readers of the published list rely on the order and the names."""
    names = ", ".join(field.name for field in fields(Setting))
    assert names == (
        "setting, value, unit, applies_to, grade, guarantee, n, days, required_n, origin, evidence, why, doubts"
    )


def test_a_setting_is_frozen() -> None:
    """What was concluded is not edited afterwards."""
    with pytest.raises(FrozenInstanceError):
        SOUND.value = 1.0  # type: ignore[misc]  # the point of the test
