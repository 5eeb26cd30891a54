"""Content-Transfer-Encodings undone piece by piece (RFC 2045, 6)."""

import binascii
from collections.abc import Callable
from typing import Protocol

from kade.core.errors import KadeError, RequestReason

_QP_LINE = 8192  # a quoted-printable line that is longer is decoded before it ends


class Decoder(Protocol):
    """Undoes an encoding. Raises KadeError(RequestReason.MALFORMED)."""

    def decode(self, data: bytes) -> bytes:
        """What can be told of *data* already."""
        ...

    def finish(self) -> bytes:
        """The rest, once everything came."""
        ...


class Plain:
    """No encoding."""

    def decode(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class Base64:
    """White space is ignored; anything else that is no base64 is refused, and so is what ends too early."""

    def __init__(self) -> None:
        self._rest = b""
        self._padded = False

    def decode(self, data: bytes) -> bytes:
        text = self._rest + data.translate(None, b" \t\r\n")
        if text and self._padded:
            raise KadeError(RequestReason.MALFORMED, "base64 after its end")
        whole = len(text) // 4 * 4
        self._rest = text[whole:]
        self._padded = text[:whole].endswith(b"=")
        return _decoded(text[:whole])

    def finish(self) -> bytes:
        return _decoded(self._rest)


class QuotedPrintable:
    """Lines are decoded when they end, or when they have become too long to be kept."""

    def __init__(self) -> None:
        self._rest = b""

    def decode(self, data: bytes) -> bytes:
        text = self._rest + data
        end = text.rfind(b"\n") + 1
        if end == 0 and len(text) > _QP_LINE:
            escape = text.rfind(b"=", len(text) - 3)
            end = escape if escape >= 0 else len(text)
        self._rest = text[end:]
        return binascii.a2b_qp(text[:end])

    def finish(self) -> bytes:
        return binascii.a2b_qp(self._rest)


def decoder(encoding: bytes) -> Decoder:
    """What undoes the encoding of that name.

    Raises:
        KadeError: ``RequestReason.BAD_VALUE`` for a name that nobody knows.
    """
    make = _DECODERS.get(encoding.strip().lower())
    if make is None:
        raise KadeError(RequestReason.BAD_VALUE, "Content-Transfer-Encoding")
    return make()


def _decoded(text: bytes) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True) if text else b""
    except binascii.Error as error:
        raise KadeError(RequestReason.MALFORMED, "base64") from error


_DECODERS: dict[bytes, Callable[[], Decoder]] = {
    b"": Plain,
    b"7bit": Plain,
    b"8bit": Plain,
    b"binary": Plain,
    b"base64": Base64,
    b"quoted-printable": QuotedPrintable,
}
