"""Reads a page the way a browser would, for tests: elements, nesting, ids, text. Not a test itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass(slots=True)
class Element:
    """One start tag with its attributes and, once parsed, the text directly inside it."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""


@dataclass(slots=True)
class Document(HTMLParser):
    """All elements in order; raises AssertionError where the nesting is wrong."""

    elements: list[Element] = field(default_factory=list)
    stack: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        """HTMLParser keeps its own state."""
        HTMLParser.__init__(self, convert_charrefs=True)

    @classmethod
    def of(cls, html: str) -> Document:
        """Parse a whole page."""
        document = cls()
        document.feed(html)
        document.close()
        assert not document.stack, f"never closed: {[element.tag for element in document.stack]}"
        return document

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        assert len({name for name, _ in attrs}) == len(attrs), f"<{tag}> repeats an attribute"
        element = Element(tag, dict(attrs))
        self.elements.append(element)
        if tag not in {"meta", "link", "br", "hr", "img", "input"}:
            self.stack.append(element)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, which must be this one."""
        assert self.stack, f"</{tag}> closes nothing"
        assert self.stack.pop().tag == tag, f"</{tag}> is misplaced at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        """Text belongs to the innermost element."""
        if self.stack:
            self.stack[-1].text += data

    def all(self, *tags: str) -> list[Element]:
        """The elements with one of these tags, in order."""
        return [element for element in self.elements if element.tag in tags]
