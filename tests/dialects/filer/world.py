"""One house with a customer of every kind and a group of every kind, for tables of cases."""

from __future__ import annotations

from tests.dialects.filer.house import DAY_MS, House, unc

from kade.core.ports import Tx
from kade.core.sources import Method, Seen, ServiceKind
from kade.services.sources import syncer_of

ONE, OTHER, BLOCKED, IDLE, NO_DOWNLOADS = 2434, 2435, 2436, 2437, 2438
EXAMPLE, SECOND, PLAIN, DISABLED, SLOW = "Example group", "Second group", "Plain", "Disabled", "Slow"
WEBSITE, LOCKED, UNCOPIED, FOREIGN = "Website", "Locked", "Uncopied", "Foreign"
BROKEN = "broken.docx"
_FILES = ("a.txt", "change.txt", "rename.txt", "taken.txt", "delete.txt", "forced.txt", "by-id.txt")


def automatic(*names: str) -> str:
    """A path in the folder that is synchronised."""
    return unc("GOFSERV001", "directory", *names)


def requested(*names: str) -> str:
    """A path in the folder of which only what is asked for is read."""
    return unc("GOFSERV001", "requested", *names)


def key_of(number: int) -> str:
    """The secret key of a customer."""
    return f"key-of-{number}"


async def fill(house: House) -> None:
    """Make it all, and have it read."""
    for name in _FILES:
        house.put(f"GOFSERV001/directory/{name}", f"Words of {name} about Filer and invoices.")
    house.put(f"GOFSERV001/directory/{BROKEN}", b"PK\x03\x04 this is no archive")
    for name in ("one.txt", "two.txt", "three.txt", "four.txt", "five.txt"):
        house.put(f"GOFSERV001/requested/{name}", f"Words of {name} about Filer.")
    one = await house.customer(ONE, key_of(ONE))
    where, slow = await house.installation("GOF001"), await house.installation("GOF002", takes_requests=False)
    await house.change_account(one, installations=(where.id,))
    first, second = await house.service(where, "GOFSERV001"), await house.service(slow, "GOFSERV002")
    for name in (EXAMPLE, SECOND):
        group = await house.group(one, name, where, keep_deleted_ms=30 * DAY_MS)
        await house.source(group, first, "requested", Method.REQUESTED)
        if name == EXAMPLE:
            await house.source(group, first, "directory", shown="Filer example directory")
    await house.group(one, PLAIN)
    await house.group(one, DISABLED, active=False)
    await house.source(await house.group(one, SLOW, slow), second, "other", Method.REQUESTED)
    await house.source(await house.group(one, LOCKED, where, downloads=False), first, "locked")
    await house.source(await house.group(one, UNCOPIED, where), first, "uncopied", copies=False)
    house.put("GOFSERV001/locked/a.txt", "Nobody fetches this.")
    house.put("GOFSERV001/uncopied/a.txt", "Nobody has a copy of this.")
    await _website(house)
    await house.settle()
    other = await house.customer(OTHER, key_of(OTHER))
    foreign = await house.group(other, FOREIGN, where)
    await house.source(foreign, first, "foreign")
    house.put("GOFSERV001/foreign/a.txt", "A secret of somebody else.")
    await house.group(await house.customer(BLOCKED, key_of(BLOCKED), blocked=True), EXAMPLE)
    await house.group(await house.customer(IDLE, key_of(IDLE)), DISABLED, active=False)
    fourth = await house.customer(NO_DOWNLOADS, key_of(NO_DOWNLOADS), downloads=False)
    await house.source(await house.group(fourth, EXAMPLE, where), first, "locked")
    await house.settle()


async def _website(house: House) -> None:
    """A group with a page that a website's walk has seen."""
    from kade.services import customers

    where = await house.installation("GOF003")
    site = await house.service(where, "www.example.org", ServiceKind.WEBSITE, "https://www.example.org/")
    one = await house.kade.catalog.read(lambda tx: customers.numbered(tx, ONE))
    group = await house.group(one, WEBSITE, where)
    source = await house.source(group, site, "", Method.REQUESTED, copies=False)

    def see(tx: Tx) -> None:
        seen = Seen("https://www.example.org/", (), "index.html", "1", length=5)
        caller = syncer_of(tx, source.tenant_id)
        house.kade.keeper.add(tx, caller, source, "www.example.org", seen, None)

    await house.kade.catalog.write(see)
