"""Identifiers and tokens.

Ids of the core are UUIDv7 (RFC 9562, 5.7) as 32 hex digits: they sort by time of birth and are never a
capability. What stands in a URL and grants something is a separately drawn token.
"""

import re
import secrets
import time
from typing import NewType

Id = NewType("Id", str)

_ALPHANUMERIC = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DASHED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
# 248 of the 256 byte values stand for four times 62 characters; the others are drawn again.
_TO_ALPHANUMERIC = bytes(_ALPHANUMERIC[value % 62] for value in range(256))
_NOT_UNIFORM = bytes(range(248, 256))


def new_id() -> Id:
    """A fresh UUIDv7 as 32 lower-case hex digits."""
    random = secrets.randbits(74)
    value = (time.time_ns() // 1_000_000 & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 62) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    return Id(f"{value:032x}")


def dashed(given: Id) -> str:
    """The id as a UUID is usually written (RFC 9562, 4): where standards or other houses ask for one."""
    return f"{given[:8]}-{given[8:12]}-{given[12:16]}-{given[16:20]}-{given[20:]}"


def undashed(text: str) -> Id | None:
    """The id that ``dashed`` wrote, in upper or lower case; None when *text* is no such thing."""
    return Id(text.replace("-", "").lower()) if _DASHED.fullmatch(text) else None


def new_token(length: int) -> str:
    """*length* random characters of ``[0-9A-Za-z]``; each carries 5.95 bits."""
    drawn = b""
    while len(drawn) < length:
        drawn += secrets.token_bytes(length * 2).translate(_TO_ALPHANUMERIC, _NOT_UNIFORM)
    return drawn[:length].decode()
