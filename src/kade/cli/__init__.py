"""The command line. A command is one file here and one line below; heavy imports belong into its function."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade import __version__
from kade.cli import (
    application,
    audit,
    business_type,
    cert,
    client,
    config,
    customer,
    delivery,
    demo,
    doctor,
    get,
    group,
    index,
    init,
    installation,
    key,
    ls,
    migrate,
    put,
    request,
    restore,
    search,
    serve,
    signing_key,
    space,
    user,
    worker,
)
from kade.cli import tenant as tenant_
from kade.cli.context import Context
from kade.cli.errors import CommandError, report

if TYPE_CHECKING:
    import msgspec

__all__ = ["CommandError", "Context", "app", "main"]

app = typer.Typer(name="kade", no_args_is_help=True, add_completion=False, rich_markup_mode=None)

app.command("init")(init.init)
app.command("serve")(serve.serve)
app.command("worker")(worker.worker)
app.command("put")(put.put)
app.command("get")(get.get)
app.command("ls")(ls.ls)
app.command("search")(search.search)
app.command("restore")(restore.restore)
app.command("config")(config.config)
app.add_typer(user.app, name="user")
app.add_typer(cert.app, name="cert")
app.add_typer(key.app, name="key")
app.add_typer(signing_key.app, name="signing-key")
app.add_typer(space.app, name="space")
app.add_typer(tenant_.app, name="tenant")
app.add_typer(business_type.app, name="business-type")
app.add_typer(application.app, name="application")
app.add_typer(delivery.app, name="delivery")
app.add_typer(request.app, name="request")
app.add_typer(customer.app, name="customer")
app.add_typer(group.app, name="group")
app.add_typer(installation.app, name="installation")
app.add_typer(index.app, name="index")
app.add_typer(client.app, name="client")
app.command("audit")(audit.audit)
app.command("doctor")(doctor.doctor)
app.command("migrate")(migrate.migrate)
app.command("demo")(demo.demo)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command. Its exit code: 0 well, 1 failed, 2 wrong usage or configuration, 130 interrupted.

    Whatever goes wrong is one sentence on standard error; `kade --debug …` shows the traceback as well.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    command: Any = typer.main.get_command(app)
    try:
        result = command.main(given, prog_name="kade", standalone_mode=False)
    except Exception as error:
        # Options before the command are the program's own: a file may be called --debug.
        return report(error, debug="--debug" in given[:3])
    return result if isinstance(result, int) else 0


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kade {__version__}")
        raise typer.Exit


@app.callback()
def _prepare(
    context: typer.Context,
    path: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="PATH",
            envvar="KADE_CONFIG",
            help="The configuration file; ./kade.toml if there is one.",
        ),
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(
            "--tenant", metavar="NAME", envvar="KADE_TENANT", help="The tenant to act in; the first one."
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Kade: one self-hosted server through which organisations hand files to each other."""
    context.obj = Context(path=path, tenant=tenant, sections=_sections)


def _sections() -> Mapping[str, type[msgspec.Struct]]:
    from kade.app import sections

    return sections()
