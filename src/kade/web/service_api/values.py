"""Values as the services write them (spec 1.1, 1.2): JSON, checksums, instants."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from starlette.responses import Response

from kade.core.clock import Millis, from_datetime
from kade.core.errors import KadeError, RequestReason
from kade.core.files import TimeFrame
from kade.web.rest import JSON

BODY_LIMIT = 1 << 20  # bytes of a JSON body: a certificate chain in base64 fits many times over
_SHA256 = re.compile(r"[0-9A-Fa-f]{32,64}")

T = TypeVar("T", bound=msgspec.Struct)


def json_of(value: object) -> Response:
    """200 with *value* as JSON."""
    return Response(msgspec.json.encode(value), media_type=JSON)


def read(data: bytes, kind: type[T]) -> T:
    """JSON as one of *kind*; unknown members are refused, as upstream does.

    Raises:
        KadeError: ``RequestReason.MALFORMED``.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise KadeError(RequestReason.MALFORMED, str(error)[:200]) from error


def sha256(text: str | None) -> str | None:
    """A checksum as 32 to 64 hex digits, in lower case; None for nothing.

    Raises:
        KadeError: ``RequestReason.BAD_VALUE``.
    """
    if not text:
        return None
    if not _SHA256.fullmatch(text):
        raise KadeError(RequestReason.BAD_VALUE, "sha256Checksum")
    return text.lower()


def time_frame(start: str | None, end: str | None) -> TimeFrame:
    """From two ISO 8601 instants, either of which may be missing; without an offset they are in UTC.

    Raises:
        KadeError: ``RequestReason.BAD_VALUE``; ``FileReason.BAD_TIME_FRAME`` when start is not before end.
    """
    return TimeFrame(_instant(start, "startDate"), _instant(end, "endDate")).checked()


def plain_seconds(value: T, instants: Sequence[str]) -> T:
    """Its *instants* with milliseconds only where they are not zero, as upstream writes them by SOAP."""
    changed = {
        name: moment.replace(".000Z", "Z")
        for name in instants
        if (moment := getattr(value, name, None)) is not None
    }
    return msgspec.structs.replace(value, **changed)


def _instant(text: str | None, member: str) -> Millis | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise KadeError(RequestReason.BAD_VALUE, member) from error
