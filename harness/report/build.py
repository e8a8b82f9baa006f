"""Builds the page: one HTML file that loads nothing, from findings, settings and the exported configuration.

``render`` is pure; ``build_report`` adds the atomic write. Called by ``commands``.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness import atomic
from harness.analysis.findings import Findings
from harness.recommend.setting import Setting
from harness.report import format as fmt
from harness.report.material import Material
from harness.report.palette import DARK, LIGHT, variables
from harness.report.sections import SECTIONS

FILE_NAME = "index.html"
_TEMPLATES = Path(__file__).parent / "templates"


class Section(Protocol):
    """What a module in ``sections`` offers."""

    TITLE: str

    def context(self, material: Material) -> object:
        """Everything its template shows, as text."""


@dataclass(frozen=True, slots=True)
class Part:
    """A rendered section and its place in the table of contents."""

    anchor: str
    title: str
    html: Markup


def build_report(findings: Findings, settings: Sequence[Setting], config_text: str, out: Path) -> Path:
    """Write ``out/index.html`` atomically and return its path. Raises DataError when it cannot be written."""
    page = render(findings, settings, config_text)
    target = out / FILE_NAME
    atomic.write_file(target, page.encode(), out)
    return target


def render(findings: Findings, settings: Sequence[Setting], config_text: str) -> str:
    """The whole page. The same input gives the same bytes."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    material = Material(findings, settings, config_text)
    script = (_TEMPLATES / "script.js").read_text(encoding="utf-8").strip()
    runs = findings.runs
    return environment.get_template("page.html").render(
        parts=[_part(environment, name, material) for name in SECTIONS],
        runs=fmt.plain(runs[0].run_id) if len(runs) == 1 else f"{len(runs) or 'no'} runs",
        plans=[fmt.plain(name) for name in dict.fromkeys(run.plan_name for run in runs)],
        day=fmt.plain(runs[-1].started_at)[:10] if runs else "",
        style=Markup(_style()),  # noqa: S704 our own file and palette
        script=Markup(script),  # noqa: S704 our own file
        script_hash=_hash(script),
    )


def _part(environment: Environment, name: str, material: Material) -> Part:
    section = cast(Section, import_module(f"harness.report.sections.{name}"))
    anchor = name.replace("_", "-")
    html = environment.get_template(f"sections/{name}.html").render(
        s=section.context(material), anchor=anchor, title=section.TITLE
    )
    return Part(anchor, section.TITLE, Markup(html))  # noqa: S704 rendered with autoescape


def _style() -> str:
    light, dark = variables(LIGHT, dark=False), variables(DARK, dark=True)
    themes = (
        f":root{{color-scheme:light dark;{light}}}"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}"
        f":root[data-theme=light]{{color-scheme:light}}:root[data-theme=dark]{{color-scheme:dark;{dark}}}"
        f"@media print{{:root,:root:not([data-theme=light]),:root[data-theme=dark]{{color-scheme:light;{light}}}}}"
    )
    return themes + (_TEMPLATES / "style.css").read_text(encoding="utf-8")


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
