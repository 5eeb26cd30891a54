"""``Idempotency-Key``: a request that is sent again makes nothing twice, within a day.

The key, who sent it and what was made are written in the transaction that makes it.
"""

import hashlib
import hmac
import json
from collections.abc import Callable

from starlette.requests import Request

from kade.core.clock import now
from kade.core.errors import KadeError, RequestReason
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.core.records import Record

HEADER = "idempotency-key"
_INSTANCE, _COLLECTION, _GUARDS = "filerequests", "idempotency", "idempotency guards"
_DAY_MS = 86_400_000
_LONGEST = 255


def key_of(request: Request) -> str | None:
    """The request's key. Raises KadeError(``RequestReason.BAD_VALUE``) for one that is empty or too long."""
    key = request.headers.get(HEADER)
    if key is not None and not 0 < len(key.strip()) <= _LONGEST:
        raise KadeError(RequestReason.BAD_VALUE, HEADER)
    return key


def once(tx: Tx, secret: bytes, caller: Caller, key: str | None, said: object, make: Callable[[], Id]) -> Id:
    """The id of what *make* makes, or of what it made when the same was said with this key before.

    What was said is known by a hash with *secret*: there may be a password in it.

    Raises:
        KadeError: ``RequestReason.BAD_VALUE`` when something else was said with this key.
    """
    if key is None:
        return make()
    today = now() // _DAY_MS
    asked = _digest(secret, [caller.principal_id, key])
    body = _digest(secret, said)
    # Of two that come at once the second waits here, and then finds what the first made.
    tx.records.put(Record(_INSTANCE, _GUARDS, f"{today} {asked}", caller.principal_id, ""))
    for day in (today, today - 1):
        former = tx.records.lock(_INSTANCE, _COLLECTION, f"{day} {asked}")
        if former is None:
            continue
        if former.value != body:
            raise KadeError(RequestReason.BAD_VALUE, HEADER)
        return former.subject_id
    for collection in (_COLLECTION, _GUARDS):
        for old in tx.records.with_prefix(_INSTANCE, collection, f"{today - 2} "):
            tx.records.remove(_INSTANCE, collection, old.key)
    made = make()
    tx.records.put(Record(_INSTANCE, _COLLECTION, f"{today} {asked}", made, body))
    return made


def _digest(secret: bytes, said: object) -> str:
    return hmac.new(secret, json.dumps(said, sort_keys=True).encode(), hashlib.sha256).hexdigest()
