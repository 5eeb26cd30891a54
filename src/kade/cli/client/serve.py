"""`kade client serve`: the daemon."""

from __future__ import annotations

import typer

from kade.cli.context import Context


def serve(context: typer.Context) -> None:
    """Do tasks, and serve the listener `client` until SIGTERM or Ctrl-C."""
    from kade.app import serve as serve_forever

    given: Context = context.obj
    serve_forever(given.config, ["client"])
