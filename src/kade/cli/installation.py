"""`kade installation`: sets of services, and what of them can be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kade.cli import house, show
from kade.cli.errors import CommandError
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.core.ports import Tx
    from kade.core.principals import Caller
    from kade.core.sources import Installation, Service

app = typer.Typer(no_args_is_help=True, help="Installations: sets of services that files are read from.")
service_app = typer.Typer(no_args_is_help=True, help="File servers, mailboxes and websites.")
app.add_typer(service_app, name="service")

Named = Annotated[str, typer.Argument(metavar="INSTALLATION", help="Name of the installation.")]
ServiceName = Annotated[str, typer.Argument(metavar="SERVICE", help="Name of the service.")]
Password = Annotated[
    Path | None,
    typer.Option("--password-file", metavar="PATH", help="File with the mailbox's password; - asks."),
]
Settings = Annotated[
    str | None, typer.Option("--settings", metavar="JSON", help="What its kind can be told besides.")
]


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List installations and their services."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> list[dict[str, Any]]:
        return [_described(tx, each) for each in tx.sources.installations(caller.tenant_id)]

    found = house.look(context, verb)
    if as_json:
        print_json(found)
        return
    rows = [
        [each["name"], service["name"], service["kind"], service["location"]]
        for each in found
        for service in each["services"] or [{"name": "", "kind": "", "location": ""}]
    ]
    show.table(["INSTALLATION", "SERVICE", "KIND", "LOCATION"], rows)


@app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called, such as GOF001.")],
    requests: Annotated[
        bool, typer.Option("--requests/--no-requests", help="Whether files may be asked for one by one.")
    ] = True,
    as_json: Json = False,
) -> None:
    """Add an installation."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        from kade.services import sources

        return _described(tx, sources.install(tx, caller, name, takes_requests=requests))

    _report(house.change(context, verb), as_json)


@app.command("set")
def set_(
    context: typer.Context,
    name: Named,
    requests: Annotated[
        bool, typer.Option("--requests/--no-requests", help="Whether files may be asked for one by one.")
    ],
    as_json: Json = False,
) -> None:
    """Change an installation."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        from kade.services import sources

        found = sources.installation(tx, caller, name)
        sources.set_takes_requests(tx, caller, found, requests)
        return _described(tx, found._replace(takes_requests=requests))

    _report(house.change(context, verb), as_json)


@app.command()
def remove(context: typer.Context, name: Named, as_json: Json = False) -> None:
    """Remove an installation without services."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        from kade.services import sources

        found = sources.installation(tx, caller, name)
        sources.uninstall(tx, caller, found)
        return {"id": found.id, "name": found.name}

    show.removed(house.change(context, verb), "name", as_json=as_json)


@service_app.command("add")
def add_service(
    context: typer.Context,
    installation: Named,
    kind: Annotated[
        Literal["folder", "mailbox", "website"], typer.Argument(help="What it is: where to look for files.")
    ],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What paths begin with: GOFSERV001, an account, a host.")
    ],
    location: Annotated[
        str,
        typer.Argument(metavar="LOCATION", help="A folder, imaps://user@host, or the first page of a site."),
    ],
    password: Password = None,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Add a service to an installation."""

    def verb(tx: Tx, caller: Caller, kade: Kade) -> dict[str, Any]:
        from kade.app import check_location
        from kade.auth.sealing import SERVICE_SECRET
        from kade.core.sources import ServiceKind
        from kade.services import sources

        where = str(Path(location).absolute()) if kind == "folder" else location
        check_location(kind, where, settings or "{}")
        sealed = kade.sealer.seal(secret, SERVICE_SECRET) if secret is not None else None
        found = sources.installation(tx, caller, installation)
        made = sources.add_service(
            tx, caller, found, ServiceKind(kind), name, where, secret=sealed, settings=settings or "{}"
        )
        return _service(made)

    secret = _password(password)
    _report_service(house.change(context, verb), as_json)


@service_app.command("set")
def set_service(
    context: typer.Context,
    name: ServiceName,
    location: Annotated[
        str | None, typer.Option("--location", metavar="LOCATION", help="Another place of it.")
    ] = None,
    password: Password = None,
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Change where a service is, its password or its settings."""

    def verb(tx: Tx, caller: Caller, kade: Kade) -> dict[str, Any]:
        from kade.app import check_location
        from kade.auth.sealing import SERVICE_SECRET
        from kade.services import sources

        found = sources.service(tx, caller, name)
        where = location if location is not None else found.location
        if location is not None and found.kind == "folder":
            where = str(Path(location).absolute())
        told = settings if settings is not None else found.settings
        check_location(found.kind, where, told)
        sealed = kade.sealer.seal(secret, SERVICE_SECRET) if secret is not None else found.secret
        changed = found._replace(location=where, secret=sealed, settings=told)
        sources.change_service(tx, caller, changed)
        return _service(changed)

    secret = _password(password)
    _report_service(house.change(context, verb), as_json)


@service_app.command("remove")
def remove_service(context: typer.Context, name: ServiceName, as_json: Json = False) -> None:
    """Remove a service that fills no group."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        from kade.services import sources

        found = sources.service(tx, caller, name)
        sources.remove_service(tx, caller, found)
        return {"id": found.id, "name": found.name}

    show.removed(house.change(context, verb), "name", as_json=as_json)


def _password(path: Path | None) -> bytes | None:
    if path is None:
        return None
    if str(path) == "-":
        asked: str = typer.prompt("Password", hide_input=True, err=True)
        return asked.encode()
    try:
        return path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise CommandError(f"the password cannot be read from {path}: {error.strerror}") from error


def _described(tx: Tx, installation: Installation) -> dict[str, Any]:
    every = tx.sources.services(installation.tenant_id)
    return {
        "name": installation.name,
        "id": installation.id,
        "requests": installation.takes_requests,
        "created": show.time(installation.created_at),
        "services": [_service(each) for each in every if each.installation_id == installation.id],
    }


def _service(service: Service) -> dict[str, Any]:
    return {
        "name": service.name,
        "id": service.id,
        "kind": service.kind,
        "location": service.location,
        "password": service.secret is not None,
        "settings": service.settings,
    }


def _report(installation: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(installation)
        return
    show.facts(
        [
            ("name", installation["name"]),
            ("id", installation["id"]),
            ("since", installation["created"]),
            ("requests", "taken" if installation["requests"] else "not taken"),
            *((each["kind"], f"{each['name']}  {each['location']}") for each in installation["services"]),
        ]
    )


def _report_service(service: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(service)
        return
    show.facts(
        [
            ("name", service["name"]),
            ("kind", service["kind"]),
            ("location", service["location"]),
            ("password", "set" if service["password"] else "none"),
            ("settings", service["settings"]),
        ]
    )
