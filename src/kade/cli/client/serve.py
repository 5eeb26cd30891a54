"""`kade client serve`: the daemon."""

from __future__ import annotations

import typer

from kade.cli.context import Context
from kade.cli.serve import spare_rich


def serve(context: typer.Context) -> None:
    """Do tasks, and serve the listener `client` until SIGTERM or Ctrl-C."""
    spare_rich()
    from kade.app import serve as serve_forever

    given: Context = context.obj
    serve_forever(given.config, ["client"])
