"""How commands of administration show what there is: tables for people, times and sizes in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from kade.cli.errors import USAGE, CommandError, printable
from kade.cli.remote import human_size, print_json


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Rows in columns as wide as their widest cell; the columns named in *right* end at one edge."""
    cells = [list(header), *([printable(cell) or "-" for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        aligned = (
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(header, row, widths, strict=True)
        )
        typer.echo("  ".join(aligned).rstrip())


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """One fact per line, its name in front."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        typer.echo(f"{name.ljust(width)}  {printable(value) or '-'}")


def removed(what: Mapping[str, Any], name: str, *, as_json: bool) -> None:
    """That something is gone, by what its field *name* calls it."""
    if as_json:
        print_json(what)
    else:
        typer.echo(f"removed {what[name]}")


def time(moment: int | None) -> str | None:
    """A time of the catalog in ISO 8601, for JSON and for people alike."""
    from kade.core.clock import Millis, to_iso

    return None if moment is None else to_iso(Millis(moment))


def day(moment: int | None) -> str:
    """The day of a time, UTC; "" for none."""
    return (time(moment) or "")[:10]


def limit(size: int | None) -> str:
    """A size that may be without limit, for people."""
    return "no limit" if not size else human_size(size)


def size(text: str, option: str) -> int | None:
    """Bytes as written after *option*; None for `none`. Raises CommandError."""
    from kade.config import Size

    if text == "none":
        return None
    try:
        return int(Size(text))
    except ValueError:
        raise CommandError(f"{option} is {text!r}, but must be a size such as 10GB, or none", USAGE) from None


def duration_ms(text: str, option: str) -> int:
    """Milliseconds as written after *option*. Raises CommandError."""
    from kade.config import Duration

    try:
        return round(Duration(text) * 1000)
    except ValueError:
        raise CommandError(f"{option} is {text!r}, but must be a time such as 12h or 90d", USAGE) from None
