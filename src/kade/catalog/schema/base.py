"""What every table is made of. Times are integer UTC milliseconds, ids 32 hex digits, in every database."""

from sqlalchemy import BigInteger, Column, MetaData, Text

metadata = MetaData()

# Names are compared bytewise everywhere, whatever the database's locale is.
Bytewise = Text().with_variant(Text(collation="C"), "postgresql")


def id_column(name: str = "id", *, key: bool = False, null: bool = False) -> Column[str]:
    """An id; *key*: the primary key."""
    return Column(name, Text, primary_key=key, nullable=null and not key)


def millis_column(name: str, *, null: bool = False) -> Column[int]:
    """A moment, or a length of time."""
    return Column(name, BigInteger, nullable=null)
