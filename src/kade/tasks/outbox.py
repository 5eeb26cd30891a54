"""What others are told: each message is a task, tried again with growing pauses, and kept when all failed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kade.core.clock import now
from kade.tasks.runner import Hopeless, TryLater

if TYPE_CHECKING:
    from kade.client.policy import Policy

FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 6 * 3600.0
_ANSWER_S = 30.0
_GONE = 410  # RFC 9110, 15.5.11: whoever says so wants no more of it


@dataclass(frozen=True, slots=True)
class Call:
    """A webhook's call: *key* is the same each time it is made again, *body* what it says."""

    key: str
    url: str
    body: bytes
    secret: str
    headers: Mapping[str, str]


def pause(failures: int) -> float:
    """Seconds until the next attempt after so many failed ones, 1 or more: twelve take about two days."""
    return float(min(FIRST_PAUSE_S * 2 ** min(failures - 1, 30), LONGEST_PAUSE_S))


async def call(what: Call, policy: Policy) -> None:
    """POST it, signed by the rules of Standard Webhooks; return when the other side answers with 2xx.

    Raises:
        TryLater: it did not answer so.
        Hopeless: no attempt can succeed: the policy does not allow the address, or nothing is wanted there.
    """
    from kade.client import RemotePeer  # heavy, and many have no webhook
    from kade.client.errors import Interrupted, TransferError

    headers = {"Content-Type": "application/json", **_signed(what), **what.headers}
    try:
        async with (
            RemotePeer(what.url, policy=policy) as peer,
            peer.request("POST", what.url, headers, body=what.body, silence=_ANSWER_S) as answer,
        ):
            status = answer.status
    except TransferError as error:
        raise (Hopeless if error.permanent else TryLater)(str(error)) from error
    except Interrupted as error:
        raise TryLater(str(error)) from error
    if status == _GONE:
        raise Hopeless(f"{what.url} answered {status}")
    if not 200 <= status < 300:
        raise TryLater(f"{what.url} answered {status}")


def _signed(what: Call) -> dict[str, str]:
    at = str(now() // 1000)
    signed = f"{what.key}.{at}.".encode() + what.body
    proof = hmac.new(what.secret.encode(), signed, hashlib.sha256).digest()
    return {
        "webhook-id": what.key,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(proof).decode()}",
    }
