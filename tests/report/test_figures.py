"""Figures: deterministic, themed, described, and drawn for every edge."""

from __future__ import annotations

import re

import pytest
from markupsafe import Markup

from harness.report.figures.forest import ForestGroup, ForestRow, forest
from harness.report.figures.panels import Bar, Curve, Dot, bars, dots, ecdf
from harness.report.figures.svg import Caption, clip
from tests.report.document import Document

CAPTION = Caption("fig", "A <title>", "What it says & why.")


def row(role: str = "wrapper", *, low: float | None = 0.0026, high: float | None = 0.0028) -> ForestRow:
    """One line of a forest plot."""
    return ForestRow("LiteLLM − openai SDK", role, 0.0027, low, high, "+2.7 ms")


def drawings() -> dict[str, Markup]:
    """One of each kind."""
    return {
        "forest": forest([ForestGroup("cell", (row(), row("null")), 0.0001)], CAPTION, "difference"),
        "bars": bars([Bar("bare HTTP", "raw", 0, 1, "+1 ms"), Bar("SDK", "sdk", 1, 3, "+2 ms", 2.8, 3.2)], 3, CAPTION),
        "ecdf": ecdf([Curve("sdk", (0.001, 0.002, 0.003)), Curve("null", (0.001, 0.002))], (0.0005, 0.01), CAPTION),
        "dots": dots(
            ("first", "tail"), [Dot("first", "sdk", 0.001), Dot("tail", "null", 0.0001)], (1e-5, 1e-2), CAPTION
        ),
    }


@pytest.mark.parametrize("kind", ["forest", "bars", "ecdf", "dots"])
def test_a_drawing_is_the_same_every_time(kind: str) -> None:
    """No date, no random id."""
    assert drawings()[kind] == drawings()[kind]


@pytest.mark.parametrize("kind", ["forest", "bars", "ecdf", "dots"])
def test_a_drawing_follows_the_theme_and_brings_no_fixed_colour(kind: str) -> None:
    """Every fill and stroke is a variable or none; fonts are the page's."""
    svg = drawings()[kind]
    assert set(re.findall(r"(?:fill|stroke): ([^;\"]+)", svg)) <= {
        "none",
        *(f"var(--{name})" for name in ("ink", "muted", "rule", "faint", "paper", "raw", "sdk", "wrapper", "null")),
    }
    assert "font-family" not in svg


@pytest.mark.parametrize("kind", ["forest", "bars", "ecdf", "dots"])
def test_a_drawing_prefixes_its_ids_and_escapes_its_words(kind: str) -> None:
    """Two figures on a page never share an id; a title is text."""
    document = Document.of(drawings()[kind])
    ids = [str(e.attributes["id"]) for e in document.elements if "id" in e.attributes]
    assert all(identity.startswith("fig-") for identity in ids)
    assert len(ids) == len(set(ids))
    assert document.all("title")[0].text == "A <title>"


def test_a_forest_plot_has_a_wide_and_a_narrow_form() -> None:
    """The narrow one is drawn for a phone at full size."""
    widths = re.findall(r'viewBox="0 0 (\d+) ', drawings()["forest"])
    assert widths == ["960", "340"]


def test_a_row_without_interval_has_no_line() -> None:
    """A bare median is a hollow point: nothing suggests a precision that was not computed."""
    with_line = forest([ForestGroup("cell", (row(),), None)], CAPTION, "d", frames=("narrow",))
    without = forest([ForestGroup("cell", (row(low=None, high=None),), None)], CAPTION, "d", frames=("narrow",))
    line = "stroke: var(--wrapper); stroke-width: 2.2"
    assert line in with_line
    assert line not in without


def test_a_forest_of_nothing_is_nothing() -> None:
    """No empty axes."""
    assert forest([], CAPTION, "d") == forest([ForestGroup("cell", (), None)], CAPTION, "d") == ""


def test_names_are_not_mathematics_and_any_script_draws() -> None:
    """Dollar signs stay, and a glyph that the measuring font lacks is no error."""
    svg = bars([Bar("$x_1$ 模型 🙂", "raw", 0, 1, "1")], 1, CAPTION)
    assert "$x_1$ 模型 🙂" in svg


def test_a_label_without_room_is_shortened() -> None:
    """The ellipsis says so."""
    assert clip("abcdef", 6) == "abcdef"
    assert clip("abcdefg", 6) == "abcde…"
