"""`kade worker`: what synchronises, reads and indexes."""

from __future__ import annotations

import typer

from kade.cli.context import Context
from kade.cli.serve import spare_rich


def worker(context: typer.Context) -> None:
    """Synchronise, read and index until SIGTERM or Ctrl-C; `kade serve` runs one beside it by itself."""
    spare_rich()
    from kade.app import work

    given: Context = context.obj
    work(given.config)
