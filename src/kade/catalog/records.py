"""What dialects alone know, in the catalog."""

from sqlalchemy import bindparam, delete

from kade.catalog.rows import select_rows
from kade.catalog.schema import records
from kade.catalog.statements import Session, upsert
from kade.core.ids import Id
from kade.core.records import Record

LAST_CHARACTER = "\U0010ffff"  # no key has it: it is no character

_BY_KEY = (
    records.c.instance == bindparam("_instance"),
    records.c.collection == bindparam("_collection"),
    records.c.key == bindparam("_key"),
)
_IN_COLLECTION = select_rows(records).where(*_BY_KEY[:2]).order_by(records.c.key)

_PUT = upsert(records, records.c.instance, records.c.collection, records.c.key)
_GET = select_rows(records).where(*_BY_KEY)
_LOCK = _GET.with_for_update()
_OF_SUBJECT = _IN_COLLECTION.where(records.c.subject_id == bindparam("_subject"))
_WITH_PREFIX = _IN_COLLECTION.where(records.c.key >= bindparam("_from"), records.c.key < bindparam("_to"))
_REMOVE = delete(records).where(*_BY_KEY)
_FORGET = delete(records).where(records.c.subject_id == bindparam("_subject"))


class RecordTable:
    """Implements ``core.ports.Records``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, record: Record) -> None:
        self._session.run(_PUT, **record._asdict())

    def get(self, instance: str, collection: str, key: str) -> Record | None:
        row = self._session.one(_GET, _instance=instance, _collection=collection, _key=key)
        return Record._make(row) if row else None

    def lock(self, instance: str, collection: str, key: str) -> Record | None:
        row = self._session.one(_LOCK, _instance=instance, _collection=collection, _key=key)
        return Record._make(row) if row else None

    def of_subject(self, instance: str, collection: str, subject_id: Id) -> list[Record]:
        rows = self._session.all(_OF_SUBJECT, _instance=instance, _collection=collection, _subject=subject_id)
        return [Record._make(row) for row in rows]

    def of_collection(self, instance: str, collection: str) -> list[Record]:
        rows = self._session.all(_IN_COLLECTION, _instance=instance, _collection=collection)
        return [Record._make(row) for row in rows]

    def with_prefix(self, instance: str, collection: str, prefix: str) -> list[Record]:
        rows = self._session.all(
            _WITH_PREFIX,
            _instance=instance,
            _collection=collection,
            _from=prefix,
            _to=prefix + LAST_CHARACTER,
        )
        return [Record._make(row) for row in rows]

    def remove(self, instance: str, collection: str, key: str) -> bool:
        return self._session.run(_REMOVE, _instance=instance, _collection=collection, _key=key) == 1

    def forget_subject(self, subject_id: Id) -> None:
        self._session.run(_FORGET, _subject=subject_id)
