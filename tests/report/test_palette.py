"""The palette is readable in both themes and stands in for itself in figures."""

from __future__ import annotations

import pytest

from harness.report.palette import DARK, LIGHT, LINES, MARKERS, SENTINELS, TEXT_COLOURS, role, variables


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.2, definitions)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2, 1.4.3)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_knows_black_on_white() -> None:
    """The measure itself: 21 for the extremes, 1 for a colour on itself."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#123456", "#123456") == 1


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("background", ["paper", "panel"])
@pytest.mark.parametrize("name", TEXT_COLOURS)
def test_every_colour_is_readable_as_text(theme: dict[str, str], background: str, name: str) -> None:
    """4.5:1 against both backgrounds, also where text lies over a figure, which axe cannot judge."""
    assert contrast(theme[name], theme[background]) >= 4.5


@pytest.mark.parametrize(("theme", "dark"), [(LIGHT, False), (DARK, True)])
def test_text_over_the_noise_band_is_readable(theme: dict[str, str], dark: bool) -> None:
    """The halo round figure text may be narrower than the letters, so the band itself must not hide them."""
    assert contrast(theme["ink"], LINES["faint"][dark]) >= 4.5


def test_the_themes_name_the_same_colours_and_each_has_its_own_sentinel() -> None:
    """A colour missing from one theme would vanish there."""
    assert set(LIGHT) == set(DARK)
    assert set(SENTINELS) == set(LIGHT) | set(LINES)
    assert len(set(SENTINELS.values())) == len(SENTINELS)
    assert not set(SENTINELS.values()) & {*LIGHT.values(), *DARK.values()}


@pytest.mark.parametrize(
    ("arm", "name"),
    [
        ("raw_http", "raw"),
        ("openai", "sdk"),
        ("openai async", "sdk"),
        ("openai-null", "null"),
        ("litellm", "wrapper"),
        ("litellm_router", "router"),
        ("litellm_proxy", "gateway"),
        ("any_llm", "other"),
    ],
)
def test_an_arm_wears_one_colour_everywhere(arm: str, name: str) -> None:
    """Null arms are grey whatever they repeat; the mode does not change the colour."""
    assert role(arm) == name
    assert name in MARKERS


def test_variables_are_custom_properties() -> None:
    """The page refers to them by name."""
    assert variables(LIGHT, dark=False).startswith("--paper:#")
