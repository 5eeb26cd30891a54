"""The SOAP toolkit apart from any dialect: messages in any pieces, values both ways, contracts."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from tests.support.bodies import Body

from kade.core.errors import KadeError, RequestReason
from kade.web.soap import values
from kade.web.soap.envelope import ENVELOPE, XOP, Node, QName, Shape, XmlLimits
from kade.web.soap.message import Message, MessageLimits
from kade.web.soap.values import Outgoing

DATA = bytes(range(256)) * 3
ATTACHED = 'multipart/related; type="application/xop+xml"; boundary=limit; start="<root>"'
SHAPE = Shape(("file",), frozenset({"image"}))


def envelope(inner: str) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body><n:put xmlns:n="u">{inner}</n:put></s:Body></s:Envelope>'
    ).encode()


def include(cid: str) -> str:
    return f'<x:Include xmlns:x="{XOP}" href="cid:{cid}"/>'


def related(*parts: tuple[str, bytes]) -> bytes:
    body = b"".join(
        b"--limit\r\nContent-ID: <%b>\r\n\r\n%b\r\n" % (cid.encode(), data) for cid, data in parts
    )
    return body + b"--limit--\r\n"


INLINE = envelope(f"<a>1</a><file>{base64.b64encode(DATA).decode()}</file><b>2</b>")
MTOM = related(
    ("root", envelope(f"<a>1</a><file>{include('two')}</file><b>2</b><image>{include('one')}</image>")),
    ("one", b"image"),
    ("two", DATA),
    ("three", b"nobody's"),
)


async def read_all(message: Message) -> bytes:
    """What a message's content is, to its end."""
    await message.begin()
    data = b""
    while (piece := await message.read(1)) is not None:
        data += bytes(piece.data)
        piece.release()
    return data


@given(cuts=st.lists(st.integers(0, 1500), max_size=40))
@pytest.mark.parametrize(("media_type", "body"), [("text/xml", INLINE), (ATTACHED, MTOM)])
async def test_a_message_may_come_in_any_pieces(media_type: str, body: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(each, len(body)) for each in cuts), len(body)]
    steps = [body[start:stop] for start, stop in pairwise(edges)]
    message = Message(Body(steps, remaining=None), media_type, lambda _: SHAPE, MessageLimits())
    assert await read_all(message) == DATA
    told = {each.qname.name: each for each in message.operation.children}
    assert (told["a"].text, told["b"].text) == ("1", "2")
    assert media_type == "text/xml" or told["image"].data == b"image"


@pytest.mark.parametrize("length", range(0, len(MTOM) - 4, 7))
async def test_a_message_that_is_cut_is_refused(length: int) -> None:
    message = Message(Body([MTOM[:length]], remaining=None), ATTACHED, lambda _: SHAPE, MessageLimits())
    with pytest.raises(KadeError) as caught:
        await read_all(message)
    assert caught.value.reason in (RequestReason.MALFORMED, RequestReason.MISSING_VALUE)


async def test_an_envelope_that_does_not_come_is_too_slow() -> None:
    message = Message(
        Body([b""] * 1000, remaining=None), "text/xml", lambda _: SHAPE, MessageLimits(begin_s=-1)
    )
    with pytest.raises(KadeError) as caught:
        await message.begin()
    assert caught.value.reason is RequestReason.TOO_SLOW


@pytest.mark.parametrize(
    ("limits", "inner"),
    [
        (XmlLimits(depth=4), "<a><b/></a>"),
        (XmlLimits(elements=4), "<a/><b/>"),
        (XmlLimits(attributes=1), "<a b='' c=''/>"),
        (XmlLimits(name=60), f"<{'a' * 61}/>"),
        (XmlLimits(name=60), f"<a {'a' * 61}=''/>"),
        (XmlLimits(value=3), "<a b='1234'/>"),
        (XmlLimits(kept=3), "1234"),
        (XmlLimits(silence=300), f"<!--{'x' * 600}-->"),
    ],
)
async def test_limits(limits: XmlLimits, inner: str) -> None:
    for text, is_refused in ((inner, True), ("", False)):
        whole = envelope(text)
        pieces = [whole[start : start + 100] for start in range(0, len(whole), 100)]
        message = Message(Body(pieces, remaining=None), "text/xml", lambda _: Shape(), MessageLimits(limits))
        if not is_refused:
            await message.begin()
            continue
        with pytest.raises(KadeError):
            await message.begin()


class Inner(msgspec.Struct, rename="camel"):
    long_name: int
    is_it: bool = False


class Everything(msgspec.Struct):
    text: str
    data: bytes
    inner: Inner
    many: list[Inner]
    few: list[str] = []
    nothing: int | None = None


def node_of(element: etree._Element) -> Node:
    """An element as the reader keeps it."""
    node = Node(QName.of(str(element.tag)), {str(key): str(value) for key, value in element.attrib.items()})
    node.parts = [element.text or "", *(each.tail or "" for each in element)]
    node.children = [node_of(each) for each in element]
    return node


def test_what_is_written_is_read_again() -> None:
    given_value = Everything(" a\n<b>&", b"\0\xff", Inner(-5, True), [Inner(2**62), Inner(0)], ["x", ""])
    root = etree.Element("root")
    assert values.write(root, given_value) is None
    assert [each.tag for each in root] == ["text", "data", "inner", "many", "many", "few", "few"]
    assert root.findtext("inner/isIt") == "true"
    assert values.read(node_of(root), Everything) == given_value
    assert values.binary_names(Everything) == {"data"}


def test_other_ways_to_write_the_same() -> None:
    root = etree.fromstring(
        "<r>\n<many><isIt> 1 </isIt><longName> 7 </longName></many>"
        "<inner><longName>+1</longName><isIt>0</isIt></inner><data> AP\n8= </data><text/></r>"
    )
    assert values.read(node_of(root), Everything) == Everything("", b"\0\xff", Inner(1), [Inner(7, True)])


def test_text_that_xml_cannot_carry_is_replaced() -> None:
    root = etree.Element("root")
    values.write(root, Everything("a\x00\x1b\ufffe\ud800z\t", b"", Inner(1), []))
    assert root.findtext("text") == "a\ufffd\ufffd\ufffd\ufffdz\t"


async def test_a_streamed_member_is_marked() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b""

    class Holder(msgspec.Struct):
        content: Outgoing
        after: str

    outgoing = Outgoing(0, "a", "text/plain", pieces())
    root = etree.Element("root")
    assert values.write(root, Holder(outgoing, "x"), "marker") is outgoing
    assert [each.text for each in root] == ["marker", "x"]


def missing(element: str, kinds: Sequence[RequestReason]) -> None:
    with pytest.raises(KadeError) as caught:
        values.require(node_of(etree.fromstring(element)), Everything)
    assert caught.value.reason in kinds


def test_what_is_required_is_required_at_every_depth() -> None:
    whole = "<r><text/><data/><inner><longName/></inner><many><longName/></many></r>"
    values.require(node_of(etree.fromstring(whole)), Everything)
    for part in ("<text/>", "<inner><longName/></inner>", "<longName/>"):
        missing(whole.replace(part, "", 1), (RequestReason.MISSING_VALUE,))
