"""Owns the page's colours: one table per theme, the stand-ins that figures are drawn with, and which arm wears which.

A figure is drawn in sentinel colours that occur nowhere else; ``figures.svg`` turns each into ``var(--name)``, so that
figures follow the theme. Every colour here also serves as text: a test holds each to 4.5:1 against both backgrounds.
"""

from __future__ import annotations

from harness import arms as arm_names

LIGHT: dict[str, str] = {
    "paper": "#fdfcf9",
    "panel": "#f5f3ed",
    "ink": "#1d2128",
    "muted": "#565d69",
    "accent": "#1c4f8f",
    "raw": "#6a4c93",
    "sdk": "#0b6e69",
    "wrapper": "#b03a0a",
    "router": "#a3246e",
    "gateway": "#4a5a00",
    "null": "#626975",
    "other": "#7a5c00",
    "good": "#1b6b34",
    "warn": "#8a5200",
    "bad": "#a3202c",
}
DARK: dict[str, str] = {
    "paper": "#14171c",
    "panel": "#1c2027",
    "ink": "#e7e5df",
    "muted": "#a4abb6",
    "accent": "#8fb8f5",
    "raw": "#bfa5e8",
    "sdk": "#52c4ba",
    "wrapper": "#f5935c",
    "router": "#f08ac4",
    "gateway": "#b7cc5a",
    "null": "#9da5b1",
    "other": "#d9b64a",
    "good": "#74cf8e",
    "warn": "#e8b055",
    "bad": "#f28b8b",
}
LINES = {"rule": ("#d9d5ca", "#343a44"), "faint": ("#e9e6dd", "#282d35")}
"""Rules and grid lines, (light, dark): decoration, never text."""

TEXT_COLOURS = tuple(name for name in LIGHT if name not in ("paper", "panel"))
_NAMES = (*LIGHT, *LINES)
SENTINELS: dict[str, str] = {name: f"#fe{index:02x}ef" for index, name in enumerate(_NAMES, start=16)}
"""What matplotlib draws with, by colour name; never seen on the page."""

MARKERS = {"raw": "o", "sdk": "s", "wrapper": "D", "router": "v", "gateway": "P", "null": "o", "other": "^"}
"""A shape per role, so that no figure depends on colour alone."""


def role(arm: str) -> str:
    """An arm's colour name: its layer (``raw``, ``sdk``, ``wrapper``, ``router``, ``gateway``), ``null``, ``other``."""
    return arm_names.role(arm.partition(" ")[0])


def variables(theme: dict[str, str], *, dark: bool) -> str:
    """The theme as CSS custom properties."""
    lines = {name: pair[dark] for name, pair in LINES.items()}
    return "".join(f"--{name}:{colour};" for name, colour in {**theme, **lines}.items())
