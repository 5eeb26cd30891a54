"""How a command works on the data folder itself, whether the server is running or not.

A running server sees what was changed in the journal, within a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import typer

from kade.cli.context import Context
from kade.cli.errors import CommandError

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.config import Config
    from kade.core.customers import Customer, FileGroup
    from kade.core.ids import Id
    from kade.core.ports import Tx
    from kade.core.principals import Caller, Credential, CredentialKind, Principal

T = TypeVar("T")
Verb = Callable[["Tx", "Caller", "Kade"], T]

_LEAST_PART = 6  # characters of an id that name something: an empty one would name whatever is there alone


def settings(context: typer.Context) -> Config:
    """The configuration in force. Raises ConfigError."""
    ours: Context = context.obj
    return ours.config


def new_quota(config: Config) -> int | None:
    """What a new space may hold, in bytes, unless something else is said; None: no limit."""
    return config.uploads.quota or None


def public_url(kade: Kade) -> str:
    """By which others reach the web listener, as far as the configuration tells."""
    web = kade.config.web
    host = f"[{web.host}]" if ":" in web.host else web.host
    own = f"{'https' if web.tls else 'http'}://{host.replace('0.0.0.0', 'localhost')}:{web.port}"
    return web.public_url.rstrip("/") or own


def change(context: typer.Context, verb: Verb[T]) -> T:
    """What *verb* returns, run in one transaction as the operator of this machine, in the tenant named."""
    return inside(context, lambda kade: kade.catalog.write(lambda tx: verb(tx, operator(tx, context), kade)))


def look(context: typer.Context, verb: Verb[T]) -> T:
    """What *verb*, which changes nothing, returns."""
    return inside(context, lambda kade: kade.catalog.read(lambda tx: verb(tx, operator(tx, context), kade)))


def inside(context: typer.Context, work: Callable[[Kade], Awaitable[T]]) -> T:
    """What *work* returns, with the catalog and the store open.

    Raises:
        CommandError: where nothing was initialised: a command must not leave an empty catalog behind.
    """
    from kade.app import build, opened

    config = settings(context)
    if not config.catalog.url and not (config.data.folder / "catalog.sqlite").exists():
        raise CommandError(
            f"there is no Kade in {config.data.folder}: make one with `kade init`, or name its "
            "configuration with `kade --config PATH …`"
        )

    async def run() -> T:
        async with opened(build(config)) as kade:
            return await work(kade)

    return asyncio.run(run())


def operator(tx: Tx, context: typer.Context) -> Caller:
    """The operator of this machine, in the tenant that the command names."""
    from kade.services.installing import local_operator

    ours: Context = context.obj
    return acting(tx, local_operator(tx), ours.tenant)


def acting(tx: Tx, caller: Caller, tenant: str | None) -> Caller:
    """The caller in the tenant of that name; None: where it is. Raises KadeError(TenantReason.UNKNOWN)."""
    from kade.services import tenants

    return replace(caller, tenant_id=tenants.named(tx, tenant).id) if tenant else caller


def user(tx: Tx, caller: Caller, name: str) -> Principal:
    """The user of that name or id. Raises KadeError(PrincipalReason.UNKNOWN)."""
    from kade.core.errors import KadeError
    from kade.core.ids import Id
    from kade.services import principals

    try:
        return principals.named(tx, caller, name)
    except KadeError:
        return principals.find(tx, caller, Id(name))


def one_of(found: Mapping[Id, T], which: str, plural: str, listing: str) -> T:
    """What *which* names, of those by id: an id, or how it begins or ends, for ids of one moment begin alike.

    Raises:
        CommandError: unless it is exactly one; it names the command *listing*.
    """
    matching = [
        each
        for key, each in found.items()
        if len(which) >= _LEAST_PART and (key.startswith(which) or key.endswith(which))
    ]
    if len(matching) != 1:
        raise CommandError(f"{which!r} names {len(matching) or 'no'} {plural}; see `{listing}`")
    return matching[0]


def credentials(
    tx: Tx, caller: Caller, kind: CredentialKind, user_name: str | None = None
) -> list[tuple[Principal, Credential]]:
    """Every credential of a kind with its owner, the revoked ones too; of one user alone when named."""
    owners = [user(tx, caller, user_name)] if user_name else tx.principals.of_tenant(caller.tenant_id)
    return [
        (owner, each)
        for owner in owners
        for each in tx.credentials.of_principal(owner.id)
        if each.kind == kind
    ]


def applications(tx: Tx, caller: Caller) -> list[Principal]:
    """The applications of this installation, by name."""
    from kade.core.principals import PrincipalKind

    everybody = tx.principals.of_tenant(caller.tenant_id)
    return [each for each in everybody if each.kind == PrincipalKind.APPLICATION]


def application(tx: Tx, caller: Caller, name: str) -> Principal:
    """The application of that name, id or client id. Raises CommandError."""
    from kade.core.ids import undashed
    from kade.core.names import fold

    wanted = (undashed(name), fold(name))
    for each in applications(tx, caller):
        if each.id == wanted[0] or each.name_folded == wanted[1]:
            return each
    raise CommandError(f"there is no application {name!r}")


def customer(tx: Tx, caller: Caller, name: str) -> Customer:
    """The customer of that name or number, in the caller's tenant. Raises CommandError."""
    from kade.core.names import fold
    from kade.services import customers

    for each in customers.of_tenant(tx, caller):
        if fold(name) == each.principal.name_folded or name == str(each.account.number):
            return each
    raise CommandError(f"there is no customer {name!r}")


def group(tx: Tx, caller: Caller, owner: str, name: str) -> FileGroup:
    """The file group of that name of a customer. Raises CommandError."""
    from kade.services import groups

    found = groups.find(tx, customer(tx, caller, owner), name)
    if found is None:
        raise CommandError(f"there is no file group {name!r}")
    return found
