"""The page in a real browser: offline, accessible, fitting, operable by keyboard, and complete without scripts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import CASES, Opener
from tests.report import example

pytestmark = pytest.mark.browser

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("case", CASES)
def test_axe_finds_no_violation(opened: Opener, axe: str, case: str, scheme: str) -> None:
    """Accessibility by axe-core's rules, with every closed detail opened, in both themes."""
    page = opened(case, color_scheme=scheme, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.add_script_tag(content=axe)
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    found = {v["id"]: [node["html"][:160] for node in v["nodes"][:3]] for v in result["violations"]}
    assert found == {}
    assert result["testEngine"]["name"] == "axe-core"


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("case", CASES)
def test_the_page_never_scrolls_sideways(opened: Opener, case: str, width: int) -> None:
    """At phone, tablet and desktop width, details open; wide tables scroll inside their own region."""
    page = opened(case, width=width)
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert page.evaluate(OVERFLOW) <= 0


@pytest.mark.parametrize("case", ["analysed", "screening", "smoke"])
def test_the_first_screen_holds_the_four_answers(opened: Opener, case: str) -> None:
    """At 1280 × 800 all four questions and what answers them are visible without scrolling."""
    page = opened(case)
    bottom = page.evaluate("document.querySelector('.answer-page').getBoundingClientRect().bottom")
    padding = page.evaluate("parseFloat(getComputedStyle(document.querySelector('.answer-page')).paddingBottom)")
    assert bottom - padding <= 800
    assert page.locator(".answer-page h1, .answer-page h2").count() == 4


def test_a_phone_sees_the_number_first(opened: Opener) -> None:
    """On a 360 × 740 screen both large numbers with their intervals are above the fold."""
    page = opened(width=360, height=740)
    bottoms = page.evaluate("[...document.querySelectorAll('.bounds')].map(e => e.getBoundingClientRect().bottom)")
    assert len(bottoms) == 2
    assert max(bottoms) < 740


def test_large_numbers_stay_inside_their_column(opened: Opener) -> None:
    """Nothing is cut off on the narrowest phone."""
    page = opened(width=320)
    assert page.evaluate("[...document.querySelectorAll('.big')].every(e => e.scrollWidth <= e.clientWidth)")


@pytest.mark.parametrize("width", [360, 1280])
def test_figure_text_is_readable(opened: Opener, width: int) -> None:
    """The smallest text in any visible figure is at least 9 CSS pixels high on the screen."""
    page = opened(width=width)
    smallest = page.evaluate(
        """Math.min(...[...document.querySelectorAll('svg.plot')].filter(s => s.checkVisibility()).map(s => {
            const scale = s.getBoundingClientRect().width / s.viewBox.baseVal.width;
            const sizes = [...s.querySelectorAll('text')].map(t => parseFloat(getComputedStyle(t).fontSize));
            return scale * Math.min(...sizes);
        }))"""
    )
    assert smallest >= 9


def test_figure_labels_do_not_collide(opened: Opener) -> None:
    """No two texts of one figure overlap, in either form of it."""
    for width in (360, 1280):
        overlapping = opened(width=width).evaluate(
            """[...document.querySelectorAll('svg.plot')].filter(s => s.checkVisibility()).flatMap(s => {
                const boxes = [...s.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
                return boxes.flatMap(([a, x], i) => boxes.slice(i + 1)
                    .filter(([, y]) => x.left < y.right - 1 && y.left < x.right - 1
                        && x.top < y.bottom - 3 && y.top < x.bottom - 3)
                    .map(([b]) => `${a} | ${b}`));
            })"""
        )
        assert overlapping == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figures_follow_the_theme(opened: Opener, scheme: str) -> None:
    """The colour of a figure's text is the page's own ink or one of its roles, not black."""
    page = opened(color_scheme=scheme)
    background, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    drawn = page.evaluate("getComputedStyle(document.querySelector('svg.plot text[style*=ink]')).fill")
    assert drawn == ink
    assert ink != background


def test_the_theme_button_changes_and_remembers(opened: Opener) -> None:
    """Auto, light, dark and round again; the page's background follows."""
    page = opened(color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    button = page.locator("#theme")
    names = [button.text_content()]
    for _ in range(2):
        button.click()
        names.append(button.text_content())
    assert names == ["Theme: auto", "Theme: light", "Theme: dark"]
    assert page.evaluate(paper) != light
    page.reload()
    assert button.text_content() == "Theme: dark"


def test_the_copy_button_copies_the_configuration(opened: Opener) -> None:
    """The clipboard holds the configuration to the letter and the page says so."""
    page = opened(permissions=["clipboard-read", "clipboard-write"])
    page.locator("[data-copy=config]").click()
    page.wait_for_function("document.getElementById('status').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == example.CONFIG


def test_without_a_clipboard_the_configuration_is_selected(opened: Opener) -> None:
    """Where the browser denies both ways of copying, the text is selected and the page says what to press."""
    page = opened()
    page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject(new Error('denied')))")
    page.evaluate("void (document.execCommand = () => false)")
    page.locator("[data-copy=config]").click()
    page.wait_for_function("document.getElementById('status').textContent.startsWith('Selected')")
    assert page.evaluate("getSelection().toString()").strip() == example.CONFIG.strip()


def focusable(page: Any) -> set[str]:
    """Names of what the keyboard reaches, by pressing Tab until it comes round."""
    seen: set[str] = set()
    name_of = "(e => e === document.body ? '' : e.id || e.className || e.dataset.copy || e.tagName)"
    for _ in range(400):
        page.keyboard.press("Tab")
        name = page.evaluate(f"{name_of}(document.activeElement)")
        if not name and seen:
            break
        seen.add(name)
    return seen


def test_the_keyboard_reaches_everything_that_can_be_used(opened: Opener) -> None:
    """Skip link first, then links, theme, scrolling tables, sorting, details and copying."""
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    assert {"theme", "scroll", "sort", "SUMMARY", "config", "A"} <= focusable(opened())


def test_sorting_orders_by_magnitude_across_units(opened: Opener) -> None:
    """Microseconds sort below milliseconds; a second press turns the order round."""
    page = opened()
    table = page.locator("table.sortable").first
    column = table.locator("thead th").nth(4)
    values = "t => [...t.tBodies[0].rows].map(r => r.cells[4].textContent)"
    column.locator("button").click()
    assert column.get_attribute("aria-sort") == "ascending"
    rising = table.evaluate(values)
    assert "µs" in rising[0]
    assert "ms" in rising[-1]
    column.locator("button").click()
    assert column.get_attribute("aria-sort") == "descending"
    assert table.evaluate(values)[0] == rising[-1]


def test_the_page_is_complete_without_javascript(opened: Opener) -> None:
    """Answers, figures, tables and the configuration are there; controls that need a script are not shown."""
    page = opened(java_script_enabled=False)
    assert page.locator(".big").count() == 2
    assert page.locator("svg.plot").count() > 10
    assert example.CONFIG in page.locator("#config").text_content()
    assert not page.locator("#theme").is_visible()
    assert not page.locator("[data-copy]").is_visible()


def test_hostile_names_run_nothing(opened: Opener) -> None:
    """No dialog opens and no element of theirs exists."""
    page = opened("hostile")
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 1


def test_the_page_prints(opened: Opener) -> None:
    """To PDF, in light colours whatever the theme, with every detail open and no controls."""
    page = opened(color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--paper')") == "#fdfcf9"
    assert not page.locator("#theme").is_visible()
    assert page.pdf(format="A4")[:5] == b"%PDF-"


def test_motion_is_reduced_on_request(opened: Opener) -> None:
    """Smooth scrolling is off for who asks for less motion."""
    behaviour = "getComputedStyle(document.documentElement).scrollBehavior"
    assert opened(reduced_motion="reduce").evaluate(behaviour) == "auto"
    assert opened(reduced_motion="no-preference").evaluate(behaviour) == "smooth"
