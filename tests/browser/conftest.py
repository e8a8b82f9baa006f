"""Chromium, axe-core and a built page for the browser tests; skips with the reason where one is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.analysis.findings import Findings
from harness.recommend.recommend import recommend
from harness.recommend.setting import Setting
from harness.report.build import build_report
from tests.analysis.example import example_findings
from tests.report import example

CHROMIUM = Path("/usr/bin/chromium-headless-shell")
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
CASES = ("analysed", "screening", "smoke", "hostile", "incomplete", "long names", "nothing")

Opener = Callable[..., Any]


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core; skips where npm has not fetched it."""
    if not AXE.is_file():
        pytest.skip(f"{AXE} is missing: run npm ci")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's headless shell; skips where it or playwright is missing.

    For one module, not the session: while it lives, an event loop runs in this thread and no other test can run one.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.is_file():
        pytest.skip(f"{CHROMIUM} is missing: install chromium-headless-shell")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield browser
        browser.close()


def material(case: str) -> tuple[Findings, Sequence[Setting]]:
    """The findings and settings of a case; ``analysed`` is what analysis and the rules really make of a run."""
    if case == "analysed":
        findings = example_findings(12)
        return findings, recommend(findings)
    return example.EDGE_CASES[case](), example.hostile_settings() if case == "hostile" else example.settings()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """From an edge case to the file URL of its page, built once."""
    folder = tmp_path_factory.mktemp("pages")
    built: dict[str, str] = {}

    def url(case: str) -> str:
        if case not in built:
            findings, settings = material(case)
            out = folder / case.replace(" ", "-")
            built[case] = build_report(findings, settings, example.CONFIG, out).as_uri()
        return built[case]

    return url


@pytest.fixture
def opened(chromium: Any, pages: Callable[[str], str]) -> Iterator[Opener]:
    """Open a case offline in a context of its own; fails the test on any console message, error or request."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_page(case: str = "screening", *, width: int = 1280, height: int = 800, **options: Any) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height}, offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        url = pages(case)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if request.url == url else complaints.append(request.url))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
