"""Shares and webhooks in the catalog."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select, update

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import shared_things, shares, webhooks
from kade.catalog.statements import Session
from kade.core.clock import Millis
from kade.core.ids import Id
from kade.core.shares import Share, SharedThing
from kade.core.webhooks import Webhook

_ADD_SHARE = insert_row(shares)
_GET_SHARE = select_rows(shares).where(shares.c.id == bindparam("_id"))
_OF_GUEST = select_rows(shares).where(shares.c.guest_id == bindparam("_guest"))
_CHANGE_SHARE = (
    update(shares)
    .where(shares.c.id == bindparam("_id"))
    .values(link=bindparam("link"), removed_at=bindparam("removed_at"))
)
_SHARES = (
    select_rows(shares)
    .where(shares.c.tenant_id == bindparam("_tenant"), shares.c.removed_at.is_(None))
    .order_by(shares.c.id.desc())
    .limit(bindparam("_limit"))
    .offset(bindparam("_skip"))
)
_ADD_THING = insert_row(shared_things)

_ADD_HOOK = insert_row(webhooks)
_GET_HOOK = select_rows(webhooks).where(webhooks.c.id == bindparam("_id"))
_REMOVE_HOOK = (
    update(webhooks)
    .where(webhooks.c.id == bindparam("_id"), webhooks.c.removed_at.is_(None))
    .values(removed_at=bindparam("_at"))
)
_ANY_HOOK = select(webhooks.c.id).where(webhooks.c.removed_at.is_(None)).limit(1)
_LIVING_HOOKS = (
    select_rows(webhooks)
    .where(webhooks.c.tenant_id == bindparam("_tenant"), webhooks.c.removed_at.is_(None))
    .order_by(webhooks.c.id)
)


class ShareTable:
    """Implements ``core.ports.Shares``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, share: Share, things: Sequence[SharedThing]) -> None:
        self._session.run(_ADD_SHARE, **share._asdict())
        self._session.run_many(_ADD_THING, [each._asdict() for each in things])

    def get(self, share_id: Id) -> Share | None:
        row = self._session.one(_GET_SHARE, _id=share_id)
        return Share._make(row) if row else None

    def of_guest(self, guest_id: Id) -> Share | None:
        row = self._session.one(_OF_GUEST, _guest=guest_id)
        return Share._make(row) if row else None

    def change(self, share: Share) -> None:
        self._session.run(_CHANGE_SHARE, _id=share.id, link=share.link, removed_at=share.removed_at)

    def page(self, tenant_id: Id, skip: int, limit: int) -> list[Share]:
        rows = self._session.all(_SHARES, _tenant=tenant_id, _skip=skip, _limit=limit)
        return [Share._make(row) for row in rows]

    def things(self, share_ids: Sequence[Id]) -> dict[Id, list[SharedThing]]:
        found: dict[Id, list[SharedThing]] = {each: [] for each in share_ids}
        wanted = (
            select_rows(shared_things)
            .where(shared_things.c.share_id.in_(share_ids))
            .order_by(shared_things.c.share_id, shared_things.c.position)
        )
        for row in self._session.all(wanted):
            thing = SharedThing._make(row)
            found[thing.share_id].append(thing)
        return found


class WebhookTable:
    """Implements ``core.ports.Webhooks``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def exist(self) -> bool:
        return self._session.one(_ANY_HOOK) is not None

    def add(self, webhook: Webhook) -> None:
        self._session.run(_ADD_HOOK, **webhook._asdict())

    def get(self, webhook_id: Id) -> Webhook | None:
        row = self._session.one(_GET_HOOK, _id=webhook_id)
        return Webhook._make(row) if row else None

    def of_tenant(self, tenant_id: Id) -> list[Webhook]:
        return [Webhook._make(row) for row in self._session.all(_LIVING_HOOKS, _tenant=tenant_id)]

    def remove(self, webhook_id: Id, at: Millis) -> bool:
        return self._session.run(_REMOVE_HOOK, _id=webhook_id, _at=at) == 1
