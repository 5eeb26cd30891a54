"""SOAP 1.1 envelopes (W3C Note 2000-05-08) as they come in: read incrementally, with a cap on everything.

Only a small tree is kept. The character data of one element, which an operation may name, is not: it is
base64 that is decoded as it comes, so that a file of any size passes through. There are no DTDs, so no
entities but the five of XML; nothing is ever fetched; processing instructions and comments are skipped.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

from lxml import etree

from kade.core.errors import KadeError, RequestReason
from kade.web.transfer_encoding import Base64

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
XOP = "http://www.w3.org/2004/08/xop/include"
_NEXT_ACTOR = "http://schemas.xmlsoap.org/soap/actor/next"
_INCLUDE = f"{{{XOP}}}Include"
_CID = "cid:"
_LONGEST_CID = 1024
_STEP = 64 << 10  # bytes that are parsed at a time: well below a millisecond


@dataclass(frozen=True, slots=True)
class XmlLimits:
    """What an envelope may hold: counts, characters of names, values and kept text.

    *silence* is how many bytes may pass in which nothing happens that means something: a tag that does not
    end, white space before the envelope, comments.
    """

    depth: int = 32
    elements: int = 4096
    attributes: int = 32
    name: int = 512
    value: int = 4096
    kept: int = 2 << 20
    silence: int = 128 << 10


class QName(NamedTuple):
    """A name in a namespace; the empty one when it is unqualified."""

    namespace: str
    name: str

    @classmethod
    def of(cls, tag: str) -> "QName":
        """From ``{namespace}name``."""
        namespace, _, name = tag.rpartition("}")
        return cls(namespace[1:], name)


class Node:
    """An element that is kept. *data* are the bytes of an attachment that stands for its content."""

    __slots__ = ("attributes", "children", "data", "parts", "qname")

    def __init__(self, qname: QName, attributes: dict[str, str]) -> None:
        self.qname = qname
        self.attributes = attributes
        self.children: list[Node] = []
        self.parts: list[str] = []
        self.data: bytes | None = None

    @property
    def text(self) -> str:
        """Its own character data."""
        return "".join(self.parts)

    def descendants(self) -> "Iterator[Node]":
        """Everything below it, in document order; itself not."""
        for child in self.children:
            yield child
            yield from child.descendants()


class Streamed:
    """The element whose content is handed on: *out* is what was decoded, or *cid* names an attachment."""

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.cid: str | None = None
        self.is_inline = False
        self.ended = False
        self._decoder = Base64()
        self._first = ""

    @property
    def decided(self) -> bool:
        """Whether it is known by now where its content is."""
        return self.is_inline or self.cid is not None or self.ended

    def add(self, text: str) -> None:
        """Character data: base64, unless it begins as a reference (SoapUI writes those so)."""
        if self.is_inline:
            self._decode(text)
            return
        self._first = (self._first + text).lstrip()
        if len(self._first) < len(_CID):
            return
        if not self._first.startswith(_CID):
            self._begin_inline()
        elif len(self._first) > _LONGEST_CID:
            raise _malformed("an attachment's name is too long")

    def include(self, href: str) -> None:
        """An ``xop:Include``, which must be the only content."""
        if self._first or self.decided:
            raise _malformed("xop:Include is not alone in its element")
        self.cid = cid_of(href)

    def end(self) -> None:
        """The element is over."""
        if self._first.startswith(_CID):
            self.cid = cid_of(self._first.strip())
        elif self.cid is None:
            self._begin_inline()
            self.out.append(self._decoder.finish())
        self.ended = True

    def _begin_inline(self) -> None:
        if not self.is_inline:
            self.is_inline = True
            self._decode(self._first)
            self._first = ""

    def _decode(self, text: str) -> None:
        try:
            self.out.append(self._decoder.decode(text.encode("ascii")))
        except UnicodeEncodeError as error:
            raise _malformed("base64") from error


class Shape(NamedTuple):
    """What has to be known of an operation while its request is read.

    *streamed* is the way to the element whose content is handed on, by names below the operation's element;
    *check* is given that element, as far as it was read, when the content begins, and raises what is missing.
    *binary* are the names of elements of type base64Binary, which may be attachments.
    """

    streamed: tuple[str, ...] = ()
    binary: frozenset[str] = frozenset()
    check: Callable[[Node], None] = lambda _operation: None


ShapeOf = Callable[[QName], Shape]


class EnvelopeReader:
    """Reads one envelope. Whatever is wrong with it raises KadeError, most of it ``RequestReason.MALFORMED``.

    *shape_of* gives, by the name of the operation's element, what has to be known of it.
    """

    def __init__(self, shape_of: ShapeOf, limits: XmlLimits, charset: str = "") -> None:
        """*charset* is the Content-Type's; without it the XML declaration counts."""
        self.operation: Node | None = None
        self.streamed: Streamed | None = None
        self.shape = Shape()
        self._shape_of = shape_of
        self._limits = limits
        self._stack: list[Node] = []
        self._elements = 0
        self._kept = 0
        self._silent = 0
        self._body_seen = False
        try:
            self._parser = etree.XMLParser(
                target=cast(Any, self),
                encoding=charset or None,
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
                huge_tree=False,
            )
        except LookupError as error:
            raise KadeError(RequestReason.UNSUPPORTED_MEDIA_TYPE, f"charset {charset[:40]}") from error

    def feed(self, data: bytes) -> None:
        """Parse what came."""
        for start in range(0, len(data), _STEP):
            step = data[start : start + _STEP]
            self._silent += len(step)
            self._parsed(partial(self._parser.feed, step))
            if self._silent > self._limits.silence:
                raise _malformed("a tag, a comment or white space does not end")

    def finish(self) -> None:
        """The document is over: it must be complete."""
        self._parsed(self._parser.close)
        if self.operation is None:
            raise KadeError(RequestReason.MISSING_VALUE, "Body")

    def _parsed(self, parse: Callable[[], object]) -> None:
        try:
            parse()
        except etree.XMLSyntaxError as error:
            raise _malformed(f"XML: {error.msg}"[:200]) from error

    # What the parser calls.

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._silent = 0
        limits = self._limits
        self._elements += 1
        if self._elements > limits.elements or len(self._stack) >= limits.depth:
            raise _malformed("too many elements, or too deep")
        if len(attributes) > limits.attributes or len(tag) > limits.name:
            raise _malformed("an element has too many attributes or too long a name")
        if any(len(key) > limits.name or len(value) > limits.value for key, value in attributes.items()):
            raise _malformed("an attribute is too long")
        if self.streamed is not None and not self.streamed.ended:
            self._start_in_streamed(tag, attributes)
        else:
            self._start(Node(QName.of(tag), dict(attributes)))

    def end(self, _tag: str) -> None:
        self._silent = 0
        node = self._stack.pop()
        if self.streamed is not None and not self.streamed.ended and node.qname != QName(XOP, "Include"):
            self.streamed.end()

    def data(self, text: str) -> None:
        self._silent = 0
        if self.streamed is not None and not self.streamed.ended:
            if self._stack[-1].qname == QName(XOP, "Include") or self.streamed.cid is not None:
                _require_blank(text)
            else:
                self.streamed.add(text)
            return
        self._kept += len(text)
        if self._kept > self._limits.kept:
            raise KadeError(RequestReason.BODY_TOO_LARGE, "text")
        if len(self._stack) <= 2:
            _require_blank(text)
        self._stack[-1].parts.append(text)

    def doctype(self, *_: object) -> None:
        raise _malformed("a document type declaration is not allowed")

    def close(self) -> None:
        pass

    def _start(self, node: Node) -> None:
        depth = len(self._stack)
        if depth == 0:
            _require_envelope(node.qname)
        elif depth == 1:
            self._start_below_envelope(node.qname)
        elif depth == 2:
            self._start_block(node)
        else:
            self._start_member(node)
        self._stack.append(node)

    def _start_below_envelope(self, qname: QName) -> None:
        if qname == QName(ENVELOPE, "Body") and not self._body_seen:
            self._body_seen = True
        elif qname != QName(ENVELOPE, "Header") or self._body_seen:
            raise _malformed(f"unexpected element {qname.name[:60]}")

    def _start_block(self, node: Node) -> None:
        if not self._body_seen:
            _require_understood(node)
        elif self.operation is not None:
            raise _malformed("more than one element in Body")
        else:
            self.operation = node
            self.shape = self._shape_of(node.qname)

    def _start_member(self, node: Node) -> None:
        way = [*(each.qname for each in self._stack[3:]), node.qname]
        path = self.shape.streamed
        if self._body_seen and path and way == [QName("", name) for name in path]:
            if self.streamed is not None:
                raise _malformed(f"more than one {path[-1]}")
            assert self.operation is not None
            self.shape.check(self.operation)
            self.streamed = Streamed()
        else:
            self._stack[-1].children.append(node)

    def _start_in_streamed(self, tag: str, attributes: dict[str, str]) -> None:
        assert self.streamed is not None
        if tag != _INCLUDE:
            raise _malformed(f"unexpected element {QName.of(tag).name[:60]}")
        self.streamed.include(attributes.get("href", ""))
        self._stack.append(Node(QName.of(tag), {}))


def cid_of(href: str) -> str:
    """The Content-ID that a ``cid:`` URL names (RFC 2392).

    Raises:
        KadeError: ``RequestReason.MALFORMED`` for any other URL: nothing is ever fetched.
    """
    if not href.startswith(_CID) or href == _CID:
        raise _malformed("an attachment is not referred to by cid:")
    return unquote(href.removeprefix(_CID))


def included(node: Node) -> str | None:
    """The Content-ID of the attachment that is this element's content, as an ``xop:Include``; None without.

    Raises:
        KadeError: ``RequestReason.MALFORMED`` when the Include is not alone.
    """
    includes = [child for child in node.children if child.qname == QName(XOP, "Include")]
    if not includes:
        return None
    if len(node.children) > 1 or node.text.strip() or includes[0].children:
        raise _malformed("xop:Include is not alone in its element")
    return cid_of(includes[0].attributes.get("href", ""))


def _require_envelope(qname: QName) -> None:
    if qname.name != "Envelope":
        raise _malformed("not a SOAP envelope")
    if qname.namespace != ENVELOPE:
        raise KadeError(RequestReason.VERSION_UNSUPPORTED, "SOAP 1.1 is spoken here")


def _require_understood(header: Node) -> None:
    """No header is understood here; one that must be, for us and not for a node before us, is refused."""
    actor = header.attributes.get(f"{{{ENVELOPE}}}actor", _NEXT_ACTOR)
    if header.attributes.get(f"{{{ENVELOPE}}}mustUnderstand") in ("1", "true") and actor in ("", _NEXT_ACTOR):
        raise KadeError(RequestReason.HEADER_NOT_UNDERSTOOD, header.qname.name[:60])


def _require_blank(text: str) -> None:
    if text.strip():
        raise _malformed("text where there can be none")


def _malformed(what: str) -> KadeError:
    return KadeError(RequestReason.MALFORMED, what)
