"""XML: the text of its elements. No entity is expanded, nothing is fetched."""

from typing import Any, BinaryIO, Protocol

from kade.core.extraction import RemarkKind
from kade.search.extract.gathering import Gathering, Part, Unreadable

_PIECE = 1 << 16


class Target(Protocol):
    """What is told of a document while it is read; names are ``{namespace}name``."""

    def start(self, tag: str, attributes: dict[str, str]) -> None: ...
    def end(self, tag: str) -> None: ...
    def data(self, text: str) -> None: ...


def read(part: Part, gathering: Gathering) -> None:
    """Say what stands between tags."""
    parse(part.stream, _Text(gathering), doctype=True)


def parse(stream: BinaryIO, target: Target, *, doctype: bool = False) -> None:
    """Tell *target* what is in *stream*; with a *doctype* only where that may be.

    Raises:
        Unreadable: it is not well-formed, or declares what it must not.
    """
    from lxml import etree

    guard: Any = _Guard(target, doctype)
    parser: Any = etree.XMLParser(target=guard, resolve_entities=False, no_network=True, load_dtd=False)
    try:
        while piece := stream.read(_PIECE):
            parser.feed(piece)
        parser.close()
    except etree.LxmlError:
        raise Unreadable(RemarkKind.DAMAGED) from None


def local(tag: str) -> str:
    """The name without its namespace."""
    return tag.rpartition("}")[2]


class Lines:
    """Text with gaps between its parts: of several gaps in a row the last one counts."""

    def __init__(self, gathering: Gathering) -> None:
        self._gathering = gathering
        self._gap = ""

    def text(self, text: str) -> None:
        if self._gap:
            self._gathering.say(self._gap)
            self._gap = ""
        self._gathering.say(text)

    def gap(self, gap: str) -> None:
        """A tab after a cell, a newline after a paragraph or a row; said when something follows."""
        self._gap = gap


class _Guard:
    """Passes on what a target wants to know."""

    def __init__(self, target: Target, allowed: bool) -> None:
        self.start = target.start
        self.end = target.end
        self.data = target.data
        self._allowed = allowed

    def doctype(self, name: str, public: str | None, system: str | None) -> None:
        if not self._allowed:
            raise Unreadable(RemarkKind.DAMAGED)  # ECMA-376 part 2, section 9.1.4 forbids it, and so do we

    def close(self) -> None: ...


class _Text:
    def __init__(self, gathering: Gathering) -> None:
        self._gathering = gathering

    def start(self, tag: str, attributes: dict[str, str]) -> None: ...

    def data(self, text: str) -> None:
        self._gathering.say(text)

    def end(self, tag: str) -> None:
        self._gathering.say("\n")
