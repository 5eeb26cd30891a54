"""Pages as they come over the line, read for their links and for what they say; nothing is kept of them."""

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from lxml import etree

_MOST_LINKS = 10_000
_LONGEST_LINK = 2_000  # characters
_UNSEEN = frozenset({"script", "style", "template", "noscript"})
_ROBOTS = frozenset({"robots", "kade"})


@dataclass(slots=True)
class Links:
    """What a page says to those who follow it: where it leads (as written), what these are relative to, by
    which address it wants to be known, and whether it wants to be found and followed."""

    hrefs: list[str] = field(default_factory=list)
    base: str = ""
    canonical: str = ""
    noindex: bool = False
    nofollow: bool = False

    def obey(self, directives: str) -> None:
        """Take what a robots meta element, or an ``X-Robots-Tag``, says."""
        words = {word.strip().lower() for word in directives.split(",")}
        self.noindex |= bool(words & {"noindex", "none"})
        self.nofollow |= bool(words & {"nofollow", "none"})


class HtmlReader:
    """Takes a page piece by piece; *charset* as the server tells it, or None.

    Markup that is broken, nested without end or no HTML at all gives what could be had from it.
    """

    def __init__(self, charset: str | None) -> None:
        self.links = Links()
        self._said = hashlib.sha256()
        self._hidden = 0
        self._parser: etree.HTMLParser | None = _parser(self, charset)

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        if self._parser is None:
            return
        try:
            self._parser.feed(piece)
        except etree.LxmlError:
            self._parser = None

    def finish(self) -> str:
        """The end; a digest of what the page says and where it leads. What nobody sees of it, such as numbers
        that are new in each answer, is not in it."""
        if self._parser is not None:
            with contextlib.suppress(etree.LxmlError):
                self._parser.close()
        self._parser = None
        return self._said.hexdigest()

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Called by the parser."""
        if tag in _UNSEEN:
            self._hidden += 1
        elif tag in ("a", "area"):
            self._link(attributes)
        elif tag == "link" and "canonical" in _words(attributes, "rel"):
            self.links.canonical = self.links.canonical or _address(attributes)
        elif tag == "base":
            self.links.base = self.links.base or _address(attributes)
        elif tag == "meta" and attributes.get("name", "").strip().lower() in _ROBOTS:
            self.links.obey(attributes.get("content", ""))

    def end(self, tag: str) -> None:
        """Called by the parser."""
        if tag in _UNSEEN and self._hidden:
            self._hidden -= 1

    def data(self, text: str) -> None:
        """Called by the parser, with a text in any number of parts."""
        if not self._hidden:
            self._said.update("".join(text.split()).encode("utf-8", "replace"))

    def close(self) -> None:
        """Called by the parser."""

    def _link(self, attributes: Mapping[str, str]) -> None:
        href = _address(attributes)
        if not href or len(self.links.hrefs) >= _MOST_LINKS or "nofollow" in _words(attributes, "rel"):
            return
        self.links.hrefs.append(href)
        self._said.update(href.encode("utf-8", "replace"))


def _parser(target: HtmlReader, charset: str | None) -> etree.HTMLParser:
    try:
        return etree.HTMLParser(target=cast(Any, target), encoding=charset, no_network=True)
    except LookupError:  # no such charset
        return etree.HTMLParser(target=cast(Any, target), no_network=True)


def _words(attributes: Mapping[str, str], name: str) -> list[str]:
    return attributes.get(name, "").lower().split()


def _address(attributes: Mapping[str, str]) -> str:
    href = attributes.get("href", "").strip()
    return href if len(href) <= _LONGEST_LINK else ""
