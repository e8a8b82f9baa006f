"""Owns how a matplotlib figure becomes inline SVG that is small, deterministic, themed and described.

Sentinel colours become CSS variables, fonts the page's own, ids get the figure's prefix, coordinates two decimals.
Called by the other figure modules only.
"""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from harness.report.palette import SENTINELS

POINTS_PER_INCH = 72
"""One unit of the drawing is one CSS pixel at natural size."""

_SVG = "{http://www.w3.org/2000/svg}"
_XLINK = "{http://www.w3.org/1999/xlink}"
_RC = {
    "svg.fonttype": "none",
    "svg.hashsalt": "harness",
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "font.family": "DejaVu Sans",
    "font.size": 11.0,
    "axes.edgecolor": SENTINELS["rule"],
    "axes.labelcolor": SENTINELS["muted"],
    "axes.labelsize": 11.0,
    "axes.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": SENTINELS["faint"],
    "grid.linewidth": 1.0,
    "text.color": SENTINELS["ink"],
    "xtick.color": SENTINELS["rule"],
    "xtick.labelcolor": SENTINELS["muted"],
    "ytick.color": SENTINELS["rule"],
    "ytick.labelcolor": SENTINELS["muted"],
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "lines.solid_capstyle": "round",
}
_COLOURS = {sentinel: f"var(--{name})" for name, sentinel in SENTINELS.items()}
_COORDINATE = re.compile(r"-?\d+\.\d+")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")


@dataclass(frozen=True, slots=True)
class Caption:
    """What a figure is called and what it says: ``name`` is its id on the page, unique there."""

    name: str
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Margins:
    """Room around the axes for its labels, in CSS pixels."""

    left: float
    right: float
    top: float
    bottom: float


@contextmanager
def canvas(width: float, height: float) -> Iterator[Figure]:
    """An empty figure of ``width`` × ``height`` CSS pixels in the page's style."""
    with mpl.rc_context(_RC):  # type: ignore[arg-type]  # the stubs list every key as a literal
        yield Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH))


def panel(figure: Figure, margins: Margins) -> Axes:
    """The figure's one axes, inside ``margins``.

    Margins are fixed in pixels rather than measured (as a constrained layout would): the browser draws the text in a
    font that matplotlib cannot know, and the panels of a row must line up.
    """
    width, height = (float(inches) * POINTS_PER_INCH for inches in figure.get_size_inches())
    return figure.add_axes(
        (
            margins.left / width,
            margins.bottom / height,
            1 - (margins.left + margins.right) / width,
            1 - (margins.top + margins.bottom) / height,
        )
    )


def log_ticks(axis: Axis, span: tuple[float, float], text: Callable[[float], str]) -> None:
    """Label a logarithmic axis at powers of ten, and at their threefold where the span is short."""
    subs = (1.0,) if span[1] / span[0] > 50 else (1.0, 3.0)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))


def clip(text: str, length: int) -> str:
    """Shorten a label that a figure has no room for; the table beside the figure has it in full."""
    return text if len(text) <= length else text[: length - 1] + "…"


def inline(figure: Figure, caption: Caption, css_class: str = "") -> Markup:
    """Render ``figure`` as an ``<svg role="img">`` element for HTML. Deterministic; call inside ``canvas``."""
    root = ET.fromstring(_svg_text(figure))  # noqa: S314 our own renderer wrote it
    _strip(root)
    _recolour(root)
    _rename_ids(root, caption.name)
    _describe(root, caption, css_class)
    return Markup(_html(root))  # noqa: S704 ElementTree escaped every text and attribute


def _svg_text(figure: Figure) -> str:
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # A name in a script that DejaVu lacks is measured roughly; the browser draws it with a font of its own.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return buffer.getvalue()


def _strip(root: ET.Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            empty_definitions = child.tag == f"{_SVG}defs" and all(e.tag == f"{_SVG}style" for e in child)
            if child.tag == f"{_SVG}metadata" or empty_definitions or _is_invisible(child):
                parent.remove(child)


def _is_invisible(element: ET.Element) -> bool:
    return element.tag == f"{_SVG}path" and element.get("style", "").strip() == "fill: none"


def _recolour(root: ET.Element) -> None:
    for element in root.iter():
        style = element.get("style")
        if style is None:
            continue
        style = re.sub(r"font-family:[^;]*;?", "", style)
        for sentinel, variable in _COLOURS.items():
            style = style.replace(sentinel, variable)
        element.set("style", "; ".join(part.strip() for part in style.split(";") if part.strip()))


def _rename_ids(root: ET.Element, name: str) -> None:
    used = {key: f"{name}-{index}" for index, key in enumerate(_references(root))}
    for element in root.iter():
        identity = element.attrib.pop("id", None)
        if identity in used:
            element.set("id", used[identity])
        target = element.attrib.pop(f"{_XLINK}href", None)
        if target is not None:
            element.set("href", f"#{used[target.removeprefix('#')]}")
        for key, value in element.attrib.items():
            if key in ("d", "x", "y", "width", "height", "transform", "points"):
                value = _COORDINATE.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), value)
                element.set(key, " ".join(value.split()))
            else:
                element.set(key, _REFERENCE.sub(lambda match: f"url(#{used[match[1]]})", value))


def _references(root: ET.Element) -> dict[str, None]:
    found: dict[str, None] = {}
    for element in root.iter():
        for key, value in element.attrib.items():
            if key == f"{_XLINK}href":
                found[value.removeprefix("#")] = None
            found.update(dict.fromkeys(_REFERENCE.findall(value)))
    return found


def _describe(root: ET.Element, caption: Caption, css_class: str) -> None:
    width = root.attrib.pop("width").removesuffix("pt")
    for key in ("height", "version"):
        root.attrib.pop(key, None)
    root.set("class", f"plot {css_class}".strip())
    root.set("role", "img")
    root.set("aria-labelledby", f"{caption.name}-t {caption.name}-d")
    root.set("style", f"max-width: {float(width):g}px")
    for tag, suffix, text in (("desc", "d", caption.description), ("title", "t", caption.title)):
        element = ET.Element(f"{_SVG}{tag}", {"id": f"{caption.name}-{suffix}"})
        element.text = text
        root.insert(0, element)


def _html(root: ET.Element) -> str:
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        if element.text and not element.text.strip():
            element.text = None
        if element.tail and not element.tail.strip():
            element.tail = None
    return ET.tostring(root, encoding="unicode", short_empty_elements=False)
