"""Signing keys in the catalog."""

from sqlalchemy import bindparam, update

from kade.catalog.rows import insert_row, select_rows
from kade.catalog.schema import signing_keys
from kade.catalog.statements import Session
from kade.core.clock import Millis
from kade.core.ids import Id
from kade.core.signing_keys import SigningKey

_ADD = insert_row(signing_keys)
_GET = select_rows(signing_keys).where(signing_keys.c.id == bindparam("_id"))
_ALL = select_rows(signing_keys).order_by(signing_keys.c.created_at.desc(), signing_keys.c.id.desc())
_RETIRE = (
    update(signing_keys)
    .where(signing_keys.c.retires_at > bindparam("_at"))
    .values(retires_at=bindparam("_at"))
)
_REVOKE = (
    update(signing_keys)
    .where(signing_keys.c.id == bindparam("_id"), signing_keys.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("_at"))
)


class SigningKeyTable:
    """Implements ``core.ports.SigningKeys``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, key: SigningKey) -> None:
        self._session.run(_ADD, **key._asdict())

    def get(self, key_id: Id) -> SigningKey | None:
        row = self._session.one(_GET, _id=key_id)
        return SigningKey._make(row) if row else None

    def all(self) -> list[SigningKey]:
        return [SigningKey._make(row) for row in self._session.all(_ALL)]

    def retire_all(self, at: Millis) -> None:
        self._session.run(_RETIRE, _at=at)

    def revoke(self, key_id: Id, at: Millis) -> bool:
        return self._session.run(_REVOKE, _id=key_id, _at=at) == 1
