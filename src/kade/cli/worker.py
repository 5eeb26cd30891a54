"""`kade worker`: what synchronises, reads and indexes."""

from __future__ import annotations

from typing import Annotated

import typer

from kade.cli.context import Context
from kade.cli.serve import spare_rich


def worker(
    context: typer.Context,
    until_input_ends: Annotated[
        bool, typer.Option("--until-input-ends", help="End with whoever started it, however that ends.")
    ] = False,
) -> None:
    """Synchronise, read and index until SIGTERM or Ctrl-C; `kade serve` runs one beside it by itself."""
    spare_rich()
    from kade.app import work

    given: Context = context.obj
    work(given.config, until_input_ends=until_input_ends)
