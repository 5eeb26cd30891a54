"""What goes over the service's wire (spec 1.1, 1.2): what its members are."""

import re

import msgspec

from kade.core.errors import KadeError, RequestReason

_USER_NAME = re.compile(r"[0-9A-Za-z./:;<=>?@\[\\\]^_-]{3,32}")
_USER_ID = re.compile(r"0|[1-9][0-9]{0,18}")


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
