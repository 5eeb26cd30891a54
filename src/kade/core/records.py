"""Record: what one dialect alone knows of an object of the core."""

from typing import NamedTuple

from kade.core.ids import Id


class Record(NamedTuple):
    """An entry of a dialect instance's collection: by its *key*, about *subject_id*; *value* is JSON."""

    instance: str
    collection: str
    key: str
    subject_id: Id
    value: str
