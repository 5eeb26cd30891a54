"""What goes over the service's wire (spec 1.1, 1.2): JSON members, instants, checksums."""

import re
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from kade.core.clock import Millis, from_datetime
from kade.core.errors import KadeError, RequestReason
from kade.core.files import TimeFrame

_SHA256 = re.compile(r"[0-9A-Fa-f]{32,64}")
_USER_NAME = re.compile(r"[0-9A-Za-z./:;<=>?@\[\\\]^_-]{3,32}")
_USER_ID = re.compile(r"0|[1-9][0-9]{0,18}")

T = TypeVar("T", bound=msgspec.Struct)


class NewUser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    certificate: bytes


class UserInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    id: int
    name: str
    certificate: bytes | None = None


class NewFileFromFs(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    name: str
    sha256_checksum: str | None = None
    start_date: str | None = None
    end_date: str | None = None


class FileInfo(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    path: str
    name: str
    content_type: str
    md5_checksum: str
    sha256_checksum: str
    timestamp: str
    start_date: str | None = None
    end_date: str | None = None
    user_id: int
    length: int
    last_modified: str


def read(data: bytes, kind: type[T]) -> T:
    """JSON as one of *kind*; unknown members are refused, as upstream does.

    Raises:
        KadeError: ``RequestReason.MALFORMED``.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise KadeError(RequestReason.MALFORMED, str(error)[:200]) from error


def user_name(text: str) -> str:
    """Itself, when it has 3 to 32 characters that upstream allows, or hyphens (spec 1.2).

    Raises:
        KadeError: ``RequestReason.BAD_VALUE``.
    """
    if not _USER_NAME.fullmatch(text):
        raise KadeError(RequestReason.BAD_VALUE, "name")
    return text


def is_user_id(text: str) -> bool:
    """Whether it is written as a number."""
    return _USER_ID.fullmatch(text) is not None


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


def _instant(text: str | None, member: str) -> Millis | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise KadeError(RequestReason.BAD_VALUE, member) from error
