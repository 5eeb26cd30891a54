"""`kade serve`: the server."""

from __future__ import annotations

import sys

import typer

from kade.cli.context import Context


def serve(context: typer.Context) -> None:
    """Serve every listener until SIGTERM or Ctrl-C."""
    spare_rich()
    spare_watchfiles()
    from kade.app import serve as serve_forever

    given: Context = context.obj
    serve_forever(given.config, given.config.serve.listeners)


def spare_watchfiles() -> None:
    """The same for watchfiles: the listeners' library loads it wherever it is, and only a worker watches."""
    sys.modules.setdefault("watchfiles", None)  # type: ignore[arg-type]


def spare_rich() -> None:
    """Have rich count as not installed in this process, if nothing has loaded it.

    structlog loads it wherever it is, for colours in tracebacks, and a server has 6 MB less for its uploads.
    """
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
