"""Sitemaps: the pages that a site names by itself, and other sitemaps, read piece by piece."""

import contextlib
import zlib
from collections.abc import Mapping
from typing import Any, cast

from lxml import etree

_MOST = 50_000  # addresses in one, by the protocol
LARGEST = 50 << 20
"""Bytes of one, unpacked, by the protocol."""
_LONGEST = 2_000


class SitemapReader:
    """Takes a sitemap piece by piece, packed or not; one with a document type of its own is not read on."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.sitemaps: list[str] = []
        self._parser: etree.XMLParser | None = etree.XMLParser(
            target=cast(Any, self), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        self._unpack = zlib.decompressobj(wbits=31)
        self._packed: bool | None = None
        self._taken = 0
        self._kind = self._text = ""
        self._in_address = False

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        if self._packed is None:
            self._packed = piece.startswith(b"\x1f\x8b")
        try:
            while piece and self._parser is not None:
                plain = self._unpack.decompress(piece, 1 << 16) if self._packed else piece
                piece = self._unpack.unconsumed_tail if self._packed else b""
                self._taken += len(plain)
                if self._taken > LARGEST:
                    self._parser = None
                elif plain:
                    self._parser.feed(plain)
        except (etree.LxmlError, zlib.error, _Refused):
            self._parser = None

    def finish(self) -> None:
        """The end; what was found until something was wrong counts."""
        if self._parser is not None:
            with contextlib.suppress(etree.LxmlError, _Refused):
                self._parser.close()
        self._parser = None

    def doctype(self, _name: str, _public: str, _system: str) -> None:
        """Called by the parser. Entities could be made to grow without end, or to name files."""
        raise _Refused

    def start(self, tag: str, _attributes: Mapping[str, str]) -> None:
        """Called by the parser."""
        name = tag.rpartition("}")[2]
        if name in ("url", "sitemap"):
            self._kind = name
        self._in_address = name == "loc"
        self._text = ""

    def data(self, text: str) -> None:
        """Called by the parser."""
        if self._in_address and len(self._text) <= _LONGEST:
            self._text += text

    def end(self, tag: str) -> None:
        """Called by the parser."""
        found = self.sitemaps if self._kind == "sitemap" else self.pages
        address = self._text.strip()
        if self._in_address and 0 < len(address) <= _LONGEST and len(found) < _MOST:
            found.append(address)
        self._in_address = False

    def close(self) -> None:
        """Called by the parser."""


class _Refused(Exception):
    """This sitemap is not read on."""
