"""Revocation lists of the listeners, kept up to date while they are in use."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog
from cryptography.x509 import Certificate

from kade.auth.revocation import RevocationLists
from kade.config import Listener
from kade.core.ports import Catalog, Tx
from kade.core.principals import Credential, CredentialKind
from kade.services.transfers import Transfers

_log = structlog.get_logger("kade.web.revocation")


@dataclass(frozen=True, slots=True)
class Watched:
    """The lists of one listener, and after how many seconds their files are looked at again."""

    lists: RevocationLists
    interval: float


def watched(
    listeners: Mapping[str, Listener], authorities: Mapping[str, Sequence[Certificate]]
) -> dict[str, Watched]:
    """By a listener's name: its lists, where it uses any, of its *authorities*."""
    return {
        name: Watched(
            RevocationLists(
                each.client_crls,
                authorities.get(name, ()),
                refuse_unknown=each.client_crl_policy == "refuse",
            ),
            each.client_crl_refresh,
        )
        for name, each in listeners.items()
        if each.client_crls is not None
    }


class RevocationWatch:
    """Looks for changes; whoever was revoked by one has to let go of what is running."""

    def __init__(self, watched: Mapping[str, Watched], catalog: Catalog, transfers: Transfers) -> None:
        """*watched* is by the name of a listener."""
        self._watched = watched
        self._catalog = catalog
        self._transfers = transfers

    async def refresh(self, listener: str) -> None:
        """Look once."""
        lists = self._watched[listener].lists
        changed, problems = await asyncio.to_thread(lists.refresh)
        for problem in problems:
            _log.error("a revocation list is no use", listener=listener, problem=problem)
        if changed:
            _log.info("revocation lists changed", listener=listener)
            await self._stop_revoked(lists)

    async def refresh_all(self) -> None:
        """Look at those of every listener, before it opens."""
        for listener in self._watched:
            await self.refresh(listener)

    async def run(self) -> None:
        """Look again and again."""
        await asyncio.gather(*(self._keep(listener) for listener in self._watched))

    async def _keep(self, listener: str) -> None:
        while True:
            await asyncio.sleep(self._watched[listener].interval)
            try:
                await self.refresh(listener)
            except Exception:
                _log.exception("revocation lists were not taken over", listener=listener)

    async def _stop_revoked(self, lists: RevocationLists) -> None:
        """Transfers by an organisation's number all let go: which certificate they came with is not known."""
        by_certificate, by_number = await self._catalog.read(_credentials)
        for credential in by_certificate:
            if credential.material is not None and lists.revokes(credential.material):
                self._transfers.stop_of(credential.id)
        for credential in by_number:
            self._transfers.stop_of(credential.id)


def _credentials(tx: Tx) -> tuple[list[Credential], list[Credential]]:
    return tx.credentials.in_force(CredentialKind.CERTIFICATE), tx.credentials.in_force(CredentialKind.OIN)
