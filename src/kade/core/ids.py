"""Identifiers and tokens.

Ids of the core are UUIDv7 (RFC 9562, 5.7) as 32 hex digits: they sort by time of birth and are never a
capability. What stands in a URL and grants something is a separately drawn token.
"""

import secrets
import time
from typing import NewType

Id = NewType("Id", str)

_ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def new_id() -> Id:
    """A fresh UUIDv7 as 32 lower-case hex digits."""
    random = secrets.randbits(74)
    value = (time.time_ns() // 1_000_000 & (1 << 48) - 1) << 80
    value |= 0x7 << 76 | (random >> 62) << 64
    value |= 0b10 << 62 | random & (1 << 62) - 1
    return Id(f"{value:032x}")


def new_token(length: int) -> str:
    """*length* random characters of ``[0-9A-Za-z]``; each carries 5.95 bits."""
    raw = secrets.token_bytes(length * 2)
    drawn = [_ALPHANUMERIC[byte & 63] for byte in raw if byte & 63 < len(_ALPHANUMERIC)]
    while len(drawn) < length:
        drawn.append(secrets.choice(_ALPHANUMERIC))
    return "".join(drawn[:length])
