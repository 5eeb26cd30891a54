"""Answers: envelopes as text/xml, with a file inline, or with the file as an attachment (MTOM)."""

import base64
from collections.abc import AsyncGenerator
from typing import NamedTuple
from uuid import uuid4

import msgspec
from lxml import etree
from starlette.requests import Request
from starlette.responses import Response

from kade.core.ids import new_token
from kade.web.headers import attachment
from kade.web.rest import acceptable
from kade.web.soap import values
from kade.web.soap.envelope import ENVELOPE, XOP
from kade.web.soap.values import Outgoing
from kade.web.streaming import StreamedResponse

XML = "text/xml"
_RELATED = "multipart/related"
_ROOT = "envelope@kade"
_CONTENT = "content@kade"


class Fault(NamedTuple):
    """SOAP 1.1, 4.4: *code* is a local name such as ``Client``; *detail* is what stands in ``detail``."""

    code: str
    text: str
    detail: etree._Element | None = None


def answer(request: Request, namespace: str, name: str, body: msgspec.Struct) -> Response:
    """200 with the element *name* in Body, unqualified members below it.

    With a streamed member it is an attachment or inline, whichever the client prefers; an attachment when
    it has no preference.

    Raises:
        KadeError: ``RequestReason.NOT_ACCEPTABLE`` when a file is acceptable in neither way.
    """
    marker = new_token(24)
    envelope, soap_body = _envelope()
    wrapper = etree.SubElement(soap_body, f"{{{namespace}}}{name}", nsmap={"ns2": namespace})
    streamed = values.write(wrapper, body, marker)
    if streamed is None:
        return Response(_written(envelope), media_type=f"{XML}; charset=utf-8")
    if acceptable(request, (_RELATED, XML)) == XML:
        before, after = _written(envelope).split(marker.encode())
        return _Inline(before, streamed, after)
    holder = next(each for each in wrapper.iter() if each.text == marker)
    holder.text = None
    etree.SubElement(holder, f"{{{XOP}}}Include", {"href": f"cid:{_CONTENT}"}, nsmap={"xop": XOP})
    return _Attached(_written(envelope), streamed)


def refusal(fault: Fault, status: int = 500) -> Response:
    """The fault as a whole answer."""
    envelope, body = _envelope()
    element = etree.SubElement(body, f"{{{ENVELOPE}}}Fault")
    etree.SubElement(element, "faultcode").text = f"soap:{fault.code}"
    etree.SubElement(element, "faultstring").text = values.text_of(fault.text)
    if fault.detail is not None:
        etree.SubElement(element, "detail").append(fault.detail)
    return Response(_written(envelope), status, media_type=f"{XML}; charset=utf-8")


class _Inline(StreamedResponse):
    """The file in base64 where it belongs."""

    def __init__(self, before: bytes, content: Outgoing, after: bytes) -> None:
        self._before = before
        self._content = content
        self._after = after
        encoded = (content.length + 2) // 3 * 4
        super().__init__(f"{XML}; charset=utf-8", len(before) + encoded + len(after))

    async def body_pieces(self) -> AsyncGenerator[bytes, None]:
        yield self._before
        rest = b""
        async for piece in self._content.pieces:
            data = rest + piece
            whole = len(data) // 3 * 3
            rest = data[whole:]
            yield base64.b64encode(data[:whole])
        yield base64.b64encode(rest) + self._after


class _Attached(StreamedResponse):
    """The file as a part of its own (MTOM, XOP), with its name and type."""

    def __init__(self, envelope: bytes, content: Outgoing) -> None:
        boundary = f"uuid:{uuid4()}"
        self._content = content
        self._before = (
            f"--{boundary}\r\n"
            f'Content-Type: application/xop+xml; charset=UTF-8; type="{XML}"\r\n'
            f"Content-Transfer-Encoding: binary\r\nContent-ID: <{_ROOT}>\r\n\r\n"
        ).encode()
        self._before += envelope
        self._before += (
            f"\r\n--{boundary}\r\nContent-Type: {content.media_type}\r\n"
            f"Content-Transfer-Encoding: binary\r\nContent-ID: <{_CONTENT}>\r\n"
            f"Content-Disposition: {attachment(content.name)}\r\n\r\n"
        ).encode()
        self._after = f"\r\n--{boundary}--\r\n".encode()
        media_type = (
            f'{_RELATED}; type="application/xop+xml"; start="<{_ROOT}>"; start-info="{XML}"; '
            f'boundary="{boundary}"'
        )
        super().__init__(media_type, len(self._before) + content.length + len(self._after))

    async def body_pieces(self) -> AsyncGenerator[bytes, None]:
        yield self._before
        async for piece in self._content.pieces:
            yield piece
        yield self._after


def _envelope() -> tuple[etree._Element, etree._Element]:
    envelope = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"soap": ENVELOPE})
    return envelope, etree.SubElement(envelope, f"{{{ENVELOPE}}}Body")


def _written(envelope: etree._Element) -> bytes:
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
