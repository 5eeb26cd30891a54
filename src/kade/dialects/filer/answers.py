"""Envelopes: success, with or without warnings, and error (spec 2(a)); JSON as PHP writes it."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from kade.dialects.filer.codes import WARNINGS, Remark
from kade.web.streaming import StreamedResponse

MEDIA_TYPE = "application/json; charset=utf-8"
_NO_STORE = {"Cache-Control": "no-store"}  # a handshake is a secret


@dataclass(frozen=True, slots=True)
class Warned:
    """A remark, and what it is about."""

    remark: Remark
    subject: str = ""

    def told(self) -> dict[str, str | int]:
        """As the envelope has it."""
        subject = self.subject if self.remark is Remark.GENERAL else _quoted(self.subject)
        text = WARNINGS[self.remark].format(subject=subject)
        return {"Warning": text, "Code": int(self.remark)}


def _quoted(subject: str) -> str:
    """As it stands in a sentence: a number plain, a name in quotes, nothing for nothing."""
    if not subject:
        return ""
    return f" {subject}" if subject.isdigit() else f' "{subject}"'


def encode(body: object) -> bytes:
    """Compact JSON in US-ASCII with escaped slashes: ``<\\/snip>``, as the original's answers have it."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode("ascii")


def envelope(handshake: str, warnings: Sequence[Warned], reply: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a success: the next handshake, what was remarked, and the reply itself."""
    body: dict[str, Any] = {"Status": "Success", "Handshake": handshake}
    if warnings:
        body["Warnings"] = [each.told() for each in warnings]
    return {**body, **reply}


def success(handshake: str, warnings: Sequence[Warned], reply: Mapping[str, Any]) -> Response:
    """A success that fits in memory."""
    body = encode(envelope(handshake, warnings, reply))
    return Response(body, headers={"Content-Type": MEDIA_TYPE, **_NO_STORE})


def error(text: str, number: int, status: int) -> Response:
    """An error; it has no handshake: the one that was used stays good."""
    body = encode({"Status": "Error", "Error": text, "Code": number})
    return Response(body, status, {"Content-Type": MEDIA_TYPE, **_NO_STORE})


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes that are sent as Base64 in the place of a mark in the body."""

    mark: str
    length: int
    pieces: AsyncIterator[bytes]


class WithBytes(StreamedResponse):
    """A success with files in it: read, encoded and sent piece by piece, so that memory stays flat."""

    def __init__(self, body: Mapping[str, Any], parts: Sequence[Part]) -> None:
        """Each part's mark stands once in *body*, as a text of its own."""
        text = encode(body)
        self._between: list[bytes] = []
        for part in parts:
            before, _, text = text.partition(f'"{part.mark}"'.encode())
            self._between.append(before + b'"')
            text = b'"' + text
        self._between.append(text)
        self._parts = parts
        length = sum(map(len, self._between)) + sum(_encoded_length(part.length) for part in parts)
        super().__init__(MEDIA_TYPE, length)
        self.headers.update(_NO_STORE)

    async def body_pieces(self) -> AsyncGenerator[bytes, None]:
        for before, part in zip(self._between, self._parts, strict=False):
            yield before
            async for data in _base64(part.pieces):
                yield data
        yield self._between[-1]


def _encoded_length(length: int) -> int:
    return -(-length // 3) * 4


async def _base64(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """RFC 4648, 4, without line breaks: whole groups of three bytes, the rest at the end."""
    from base64 import b64encode

    rest = b""
    async for data in pieces:
        data = rest + data
        whole = len(data) - len(data) % 3
        rest = data[whole:]
        if whole:
            yield b64encode(data[:whole])
    if rest:
        yield b64encode(rest)
