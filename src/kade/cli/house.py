"""How a command works on the data folder itself, whether the server is running or not.

A running server sees what was changed in the journal, within a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import typer

from kade.cli.context import Context
from kade.cli.errors import CommandError

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.config import Config
    from kade.core.ports import Tx
    from kade.core.principals import Caller, Credential, CredentialKind, Principal

T = TypeVar("T")
Verb = Callable[["Tx", "Caller", "Kade"], T]


def settings(context: typer.Context) -> Config:
    """The configuration in force. Raises ConfigError."""
    ours: Context = context.obj
    return ours.config


def change(context: typer.Context, verb: Verb[T]) -> T:
    """What *verb* returns, run in one transaction as the operator of this machine."""
    from kade.services.installing import local_operator

    return inside(context, lambda kade: kade.catalog.write(lambda tx: verb(tx, local_operator(tx), kade)))


def look(context: typer.Context, verb: Verb[T]) -> T:
    """What *verb*, which changes nothing, returns."""
    from kade.services.installing import local_operator

    return inside(context, lambda kade: kade.catalog.read(lambda tx: verb(tx, local_operator(tx), kade)))


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


def user(tx: Tx, caller: Caller, name: str) -> Principal:
    """The user of that name or id. Raises KadeError(PrincipalReason.UNKNOWN)."""
    from kade.core.errors import KadeError
    from kade.core.ids import Id
    from kade.services import principals

    try:
        return principals.named(tx, caller, name)
    except KadeError:
        return principals.find(tx, caller, Id(name))


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
