"""The page as a document: valid, closed, offline, escaped, deterministic and small, whatever the findings."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from harness.errors import DataError
from harness.report.build import build_report, render
from harness.report.sections import SECTIONS
from tests.report import example
from tests.report.document import Document

CASES = tuple(example.EDGE_CASES)
MIB = 1 << 20


@cache
def page(case: str) -> str:
    """The page of one edge case, rendered once."""
    settings = example.hostile_settings() if case == "hostile" else example.settings()
    config = example.HOSTILE if case == "hostile" else example.CONFIG
    return render(example.EDGE_CASES[case](), settings, config)


@cache
def parsed(html: str) -> Document:
    """The page as elements, parsed once."""
    return Document.of(html)


@pytest.fixture(params=CASES)
def html(request: pytest.FixtureRequest) -> str:
    """The page of every edge case in turn."""
    return page(request.param)


def test_the_nesting_is_right_and_ids_are_unique(html: str) -> None:
    """Every element is closed where it should be; every reference by id has exactly one target."""
    document = parsed(html)
    ids = [e.attributes["id"] for e in document.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    known = set(ids)
    for element in document.elements:
        targets = [element.attributes.get("aria-labelledby"), element.attributes.get("data-copy")]
        href = element.attributes.get("href")
        assert href is None or href.startswith("#")
        wanted = " ".join(target for target in targets if target).split() + ([href[1:]] if href else [])
        assert set(wanted) <= known


def test_headings_go_down_one_step_at_a_time(html: str) -> None:
    """One h1, and no level is skipped."""
    levels = [int(e.tag[1]) for e in parsed(html).all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_tables_say_what_they_are(html: str) -> None:
    """A caption each, and a scope on every header cell; scrolling regions can be reached and are named."""
    document = parsed(html)
    assert len(document.all("table")) == len(document.all("caption"))
    assert all(th.attributes.get("scope") in ("col", "row") for th in document.all("th"))
    regions = [e for e in document.elements if "scroll" in (e.attributes.get("class") or "").split()]
    assert all(e.attributes.get("tabindex") == "0" and e.attributes.get("role") == "region" for e in regions)
    assert all(e.attributes.get("aria-label") or e.attributes.get("aria-labelledby") for e in regions)


def test_figures_are_described(html: str) -> None:
    """Every drawing is an image with a title and a description."""
    document = parsed(html)
    for svg in document.all("svg"):
        assert svg.attributes["role"] == "img"
        assert len((svg.attributes["aria-labelledby"] or "").split()) == 2
    assert len(document.all("svg")) == len(document.all("desc")) == len(document.all("title")) - 1


def test_nothing_is_loaded_from_anywhere(html: str) -> None:
    """No address of another host, no image, frame, import or font; the policy allows none either."""
    assert not re.search(r"https?:|//[a-z0-9-]+\.[a-z]|@import|url\((?!#)|@font-face", _without_config(html))
    assert not parsed(html).all("img", "iframe", "link", "object", "embed", "form", "video", "audio")
    assert "default-src 'none'" in html


def _without_config(html: str) -> str:
    return re.sub(r'<code id="config">.*?</code>', "", html, flags=re.DOTALL)


def test_the_policy_allows_exactly_the_one_script(html: str) -> None:
    """The hash in the policy is that of the script as the browser sees it; no inline handlers exist."""
    scripts = parsed(html).all("script")
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].text.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert not any(name.startswith("on") for e in parsed(html).elements for name in e.attributes)


def test_every_section_is_there_and_in_the_contents(html: str) -> None:
    """In the order of the tuple, each under its own anchor."""
    document = parsed(html)
    anchors = [e.attributes.get("id") for e in document.all("section")]
    assert anchors == [name.replace("_", "-") for name in SECTIONS]
    links = [e.attributes["href"] for e in document.all("a") if e.attributes.get("class") is None]
    assert {f"#{anchor}" for anchor in anchors[1:]} <= set(links)


def test_the_page_is_small(html: str) -> None:
    """Well under the limit of 2 MiB even for two runs."""
    assert len(html.encode()) < MIB


def test_no_figure_keeps_a_stand_in_colour_or_a_global_style(html: str) -> None:
    """Every sentinel became a variable; drawings bring no style sheet that would leak."""
    assert not re.search(r"#fe[0-9a-f]{2}ef", html)
    assert len(parsed(html).all("style")) == 1


def test_numbers_use_the_true_minus_and_no_python_shows(html: str) -> None:
    """No None, nan or inf reaches the reader."""
    texts = [e.text for e in parsed(html).elements if e.tag not in ("script", "style", "code")]
    shown = "\n".join(texts)
    assert not re.search(r"\bNone\b|\bnan\b|\binf\b|\bVerdict\.|\bDoubt\.", shown)
    assert not re.search(r"(?<![\w-])-\d", re.sub(r"\d{4}-\d{2}-\d{2}", "", shown))


def test_the_same_input_gives_the_same_bytes() -> None:
    """Nothing of the clock, of hashing or of the order of sets gets in."""
    again = render(example.EDGE_CASES["screening"](), example.settings(), example.CONFIG)
    assert again == page("screening")


def test_hostile_text_stays_text() -> None:
    """Markup in names is shown, not run, in the page and in its figures; mathtext is not interpreted."""
    document = parsed(page("hostile"))
    assert len(document.all("script")) == 1
    assert not document.all("img")
    assert "\x00" not in page("hostile")
    assert "\u202e" not in page("hostile")
    assert any('<script>alert("x")</script>' in e.text for e in document.elements if e.tag == "p")
    assert any("<script>" in e.text for e in document.elements if e.tag == "text")


def test_the_configuration_is_there_to_the_letter() -> None:
    """What is copied is what was exported."""
    blocks = [e for e in parsed(page("screening")).all("code") if e.attributes.get("id") == "config"]
    assert [block.text for block in blocks] == [example.CONFIG]


def test_building_writes_the_page_and_nothing_else(tmp_path: Path) -> None:
    """The folder is made; no temporary file stays behind; a second build replaces the first."""
    out = tmp_path / "reports" / "latest"
    for _ in range(2):
        path = build_report(example.nothing(), (), "", out)
    assert path == out / "index.html"
    assert [entry.name for entry in out.iterdir()] == ["index.html"]
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_an_unwritable_place_is_one_line(tmp_path: Path) -> None:
    """A file where the folder should be: the data error names the path and says what to do."""
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(DataError, match=r"index\.html: cannot write: .*; remove the file that stands") as caught:
        build_report(example.nothing(), (), "", tmp_path / "out")
    assert "\n" not in str(caught.value)
