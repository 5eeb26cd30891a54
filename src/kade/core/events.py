"""Event: a fact in the append-only journal."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from kade.core.clock import Millis
from kade.core.ids import Id
from kade.core.principals import Caller, Origin

_DETAIL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_SAID = json.JSONEncoder(separators=(",", ":"))


class Outcome(StrEnum):
    """Whether an act was done, refused by a rule, or failed by our fault."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Event:
    """Who did what to which subject, by which credential, from where, with which outcome.

    *kind* is ``noun.what-happened``; *detail* holds the rest and may be erased without breaking the chain.
    """

    kind: str
    subject: str = ""
    outcome: Outcome = Outcome.DONE
    reason: str = ""
    tenant_id: Id | None = None
    principal_id: Id | None = None
    credential_id: Id | None = None
    origin: Origin = field(default_factory=Origin)
    detail: dict[str, str | int] = field(default_factory=dict)

    @classmethod
    def by(cls, caller: Caller, kind: str, subject: str = "", /, **detail: str | int) -> "Event":
        """A fact that *caller* brought about."""
        return cls(
            kind=kind,
            subject=subject,
            tenant_id=caller.tenant_id,
            principal_id=caller.principal_id,
            credential_id=caller.credential_id,
            origin=caller.origin,
            detail=detail,
        )

    def legible(self) -> "Event":
        """The event as every database can keep it: what somebody sent may hold NULs and lone surrogates."""
        origin = self.origin
        texts = (self.subject, self.reason, origin.operation, origin.request_id, origin.address)
        if all(text.isprintable() for text in (*texts, *_texts(self.detail))):
            return self
        subject, reason, *whence = (_legible(text) for text in texts)
        detail = {
            key: _legible(value) if isinstance(value, str) else value for key, value in self.detail.items()
        }
        return replace(self, subject=subject, reason=reason, origin=Origin(*whence), detail=detail)


class JournalEntry(NamedTuple):
    """An event at its place: *position* is dense, *chain* ties it to all before it."""

    position: int
    at: Millis
    kind: str
    subject: str
    outcome: str
    reason: str
    tenant_id: Id | None
    principal_id: Id | None
    credential_id: Id | None
    operation: str
    request_id: str
    address: str
    detail: str | None
    digest: str
    chain: str


def sealed(event: Event, position: int, at: Millis, previous_chain: str) -> JournalEntry:
    """*event* as the entry at *position*: the chain covers the previous chain, place, time and digest."""
    detail = _DETAIL.encode(event.detail)
    digest = payload_digest(event, detail)
    return JournalEntry(
        position,
        at,
        event.kind,
        event.subject,
        event.outcome,
        event.reason,
        event.tenant_id,
        event.principal_id,
        event.credential_id,
        event.origin.operation,
        event.origin.request_id,
        event.origin.address,
        detail,
        digest,
        next_chain(previous_chain, position, at, digest),
    )


def payload_digest(event: Event, detail: str) -> str:
    """SHA-256 over what the event says."""
    return _digest(
        event.kind,
        event.subject,
        event.outcome.value,
        event.reason,
        event.tenant_id,
        event.principal_id,
        event.credential_id,
        event.origin.operation,
        event.origin.request_id,
        event.origin.address,
        detail,
    )


def next_chain(previous: str, position: int, at: int, digest: str) -> str:
    """The chain value of an entry, given the one before it ("" for the first)."""
    return hashlib.sha256(f"{previous} {position} {at} {digest}".encode()).hexdigest()


def flaw(entry: JournalEntry, previous_position: int, previous_chain: str) -> str:
    """What is wrong with an entry that follows those; "" when nothing is.

    An entry whose detail was erased is whole: its digest stands for what it said.
    """
    if entry.position != previous_position + 1:
        return f"entries {previous_position + 1} to {entry.position - 1} are missing"
    if entry.detail is not None and entry.digest != _digest(*entry[2:13]):
        return "what it says was changed"
    if entry.chain != next_chain(previous_chain, entry.position, entry.at, entry.digest):
        return "the chain is broken"
    return ""


def _digest(*said: str | None) -> str:
    text = _SAID.encode([part or "" for part in said])
    return hashlib.sha256(text.encode()).hexdigest()


def _texts(detail: dict[str, str | int]) -> Iterator[str]:
    return (value for value in detail.values() if isinstance(value, str))


def _legible(text: str) -> str:
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")
