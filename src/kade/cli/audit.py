"""`kade audit`: what happened here, from the journal."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import house, show
from kade.cli.errors import USAGE, CommandError, printable
from kade.cli.remote import Json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.clock import Millis
    from kade.core.events import JournalEntry
    from kade.core.ids import Id
    from kade.core.ports import Tx

_PAUSE_S = 0.5
_BLOCK = 1000


def audit(
    context: typer.Context,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens from now on.")
    ] = False,
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="Only kinds that begin so: file, request.refused.")
    ] = "",
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="From this moment (ISO 8601) or so long ago (2h) on."),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", "-n", min=0, help="So many of the last entries; not with --since.")
    ] = 50,
    verify: Annotated[
        bool, typer.Option("--verify", help="Prove that nothing was changed, dropped or slipped in.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show who did what, when, from where, with which outcome.

    With --json one object per line. With --verify the chain is followed from the first entry on instead.
    """
    if verify:
        house.inside(context, lambda kade: _verify(kade, as_json))
        return
    moment = _moment(since) if since else None
    house.inside(context, lambda kade: _show(kade, kind, moment, count, follow, as_json))


async def _show(kade: Kade, kind: str, since: Millis | None, count: int, follow: bool, as_json: bool) -> None:
    from kade.services import journal

    names: dict[str, str] = {}
    end = await kade.catalog.read(lambda tx: tx.journal.last_position())
    if since is None:
        await _print(kade, await kade.catalog.read(journal.latest, count, kind), names, as_json)
    else:
        begin = await kade.catalog.read(journal.position_before, since)
        await _print_after(kade, begin, kind, names, as_json)
    position = end
    while follow:
        await asyncio.sleep(_PAUSE_S)
        position = await _print_after(kade, position, kind, names, as_json)


async def _print_after(kade: Kade, position: int, kind: str, names: dict[str, str], as_json: bool) -> int:
    """Print all that comes after *position*, block by block; the position then reached."""
    while block := await kade.catalog.read(_block, position):
        await _print(kade, [entry for entry in block if entry.kind.startswith(kind)], names, as_json)
        position = block[-1].position
    return position


async def _print(kade: Kade, entries: list[JournalEntry], names: dict[str, str], as_json: bool) -> None:
    for missing in {entry.principal_id for entry in entries if entry.principal_id} - names.keys():
        names[missing] = await kade.catalog.read(_name, missing)
    for entry in entries:
        print(_json(entry, names) if as_json else _line(entry, names))
    sys.stdout.flush()


def _block(tx: Tx, position: int) -> list[JournalEntry]:
    return tx.journal.tail(position, _BLOCK)


def _name(tx: Tx, principal_id: Id) -> str:
    """The name of a principal, also of one that was removed."""
    who = tx.principals.get(principal_id)
    return who.name if who else ""


def _json(entry: JournalEntry, names: dict[str, str]) -> str:
    import msgspec

    said: dict[str, Any] = {
        "position": entry.position,
        "at": show.time(entry.at),
        "kind": entry.kind,
        "subject": entry.subject,
        "outcome": entry.outcome,
        "reason": entry.reason,
        "user": names.get(entry.principal_id or "", ""),
        "principal": entry.principal_id,
        "credential": entry.credential_id,
        "operation": entry.operation,
        "request": entry.request_id,
        "address": entry.address,
        "detail": msgspec.json.decode(entry.detail) if entry.detail else None,
    }
    return msgspec.json.encode(said).decode()


def _line(entry: JournalEntry, names: dict[str, str]) -> str:
    import msgspec

    detail = msgspec.json.decode(entry.detail) if entry.detail else {}
    words = [
        f"{entry.position:>7} {show.time(entry.at)} {entry.outcome:<7} {entry.kind}",
        names.get(entry.principal_id or "", "") or "-",
        entry.address,
        entry.operation,
        entry.reason,
        entry.subject,
        *(f"{key}={value}" for key, value in detail.items() if value != ""),
    ]
    return printable(" ".join(word for word in words if word))


async def _verify(kade: Kade, as_json: bool) -> None:
    from kade.services.journal import Verification

    verification = Verification()
    flaws: list[tuple[int, str]] = []
    while entries := await kade.catalog.read(verification.block):
        flaws += verification.follow(entries)
    if as_json:
        import msgspec

        said = [{"position": position, "flaw": flaw} for position, flaw in flaws]
        print(msgspec.json.encode({"entries": verification.position, "flaws": said}).decode())
    else:
        for position, flaw in flaws:
            print(f"entry {position}: {flaw}")
        print(f"{verification.position} entries, {len(flaws) or 'no'} flaws; chain {verification.chain[:16]}")
    if flaws:
        raise CommandError("the journal is not whole")


def _moment(text: str) -> Millis:
    from kade.core.clock import Millis, from_datetime, now

    try:
        found = datetime.fromisoformat(text)
        return from_datetime(found if found.tzinfo else found.replace(tzinfo=UTC))
    except ValueError:
        ago = show.duration_ms(text, "--since") if text[:1].isdigit() else None
        if ago is None:
            raise CommandError(
                f"--since is {text!r}, but must be such as 2026-11-22T10:00 or 2h", USAGE
            ) from None
        return Millis(now() - ago)
