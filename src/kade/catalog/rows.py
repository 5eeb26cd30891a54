"""Statements that every table has: insert a whole row, select whole rows in column order."""

from sqlalchemy import Insert, Select, Table, bindparam, insert, select


def insert_row(table: Table) -> Insert:
    """Insert one row; a parameter per column, of the column's name."""
    return insert(table).values(
        {column.name: bindparam(column.name) for column in table.c if not _generated(column)}
    )


def select_rows(table: Table, *without: str) -> Select[tuple[object, ...]]:
    """Select the columns in the order of the table, which is the order of the noun's fields."""
    return select(*[column for column in table.c if column.name not in without])


def _generated(column: object) -> bool:
    return getattr(column, "autoincrement", False) is True
