"""HTML: what a reader would see, and title and author."""

import re
from typing import Any, BinaryIO

from kade.search.extract import decoding
from kade.search.extract.gathering import Gathering, Part

_HIDDEN = frozenset({"script", "style", "template", "head", "svg"})
_LINES = frozenset({
    "p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "dl", "dt",
    "dd", "pre", "blockquote", "section", "article", "header", "footer", "nav", "aside", "main", "form",
    "fieldset", "hr", "option", "title", "address", "figure", "figcaption", "caption",
})  # fmt: skip
_CELLS = frozenset({"td", "th"})
_SPACES = re.compile(r"\s+")
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)


def read(part: Part, gathering: Gathering) -> None:
    """Say what stands in the page."""
    page = say_page(part.stream, part.charset, gathering)
    gathering.describe(title=page.title, author=page.author)


def say_page(stream: BinaryIO, charset: str, gathering: Gathering) -> "_Page":
    """Say what stands in the page; what its head says. A *charset* weighs more than its own word."""
    from lxml import etree

    said = _CHARSET.search(stream.read(4096))
    stream.seek(0)
    charset = charset or (said[1].decode("ascii", "replace") if said else "")
    page = _Page(gathering)
    target: Any = page
    parser: Any = etree.HTMLParser(target=target, no_network=True)
    for piece in decoding.pieces(stream, charset):
        if piece:
            parser.feed(piece)
    parser.close()
    return page


class _Page:
    def __init__(self, gathering: Gathering) -> None:
        self.title = ""
        self.author = ""
        self._gathering = gathering
        self._hidden: list[str] = []
        self._in_title = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "title":
            self._in_title = not self.title
        elif tag == "meta" and attributes.get("name", "").lower() == "author":
            self.author = self.author or attributes.get("content", "")
        elif tag == "body":
            self._hidden.clear()
        elif tag in _HIDDEN:
            self._hidden.append(tag)
        elif not self._hidden:
            self._gap(tag)
            self._gathering.say(_described(tag, attributes))

    def end(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif self._hidden and tag == self._hidden[-1]:
            self._hidden.pop()
        elif not self._hidden:
            self._gap(tag)

    def data(self, text: str) -> None:
        if self._in_title:
            self.title = (self.title + text)[:1000]
        elif not self._hidden:
            self._gathering.say(_SPACES.sub(" ", text))

    def close(self) -> None: ...

    def _gap(self, tag: str) -> None:
        if tag in _LINES:
            self._gathering.say("\n")
        elif tag in _CELLS:
            self._gathering.say("\t")


def _described(tag: str, attributes: dict[str, str]) -> str:
    """What stands for a picture."""
    return f" {attributes['alt']} " if tag == "img" and attributes.get("alt") else ""
