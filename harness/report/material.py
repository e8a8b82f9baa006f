"""Owns ``Material``: what a page is made from. Passed to every section; nothing else reaches them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.findings import Findings
from harness.recommend.setting import Setting


@dataclass(frozen=True, slots=True)
class Material:
    """The findings, the recommended settings and the text of the exported configuration."""

    findings: Findings
    settings: Sequence[Setting]
    config_text: str
