"""`kade cert`: client certificates, and a development authority to issue them."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import house, show
from kade.cli.errors import USAGE, CommandError
from kade.cli.remote import Json, print_json

if TYPE_CHECKING:
    from kade.app import Kade
    from kade.auth.authority import Issued
    from kade.core.ports import Tx
    from kade.core.principals import Caller, Credential, Principal

app = typer.Typer(no_args_is_help=True, help="Client certificates: who shows one of these is that user.")

_LEAST_PREFIX = 6  # digits of an id or fingerprint that say which certificate is meant

Which = Annotated[
    str, typer.Argument(metavar="ID", help="Id or fingerprint of the certificate, or how one begins.")
]


@app.command("list")
def list_(
    context: typer.Context,
    user: Annotated[str | None, typer.Argument(metavar="[USER]", help="Those of this user alone.")] = None,
    expiring: Annotated[
        str | None,
        typer.Option("--expiring", metavar="TIME", help="Those in force that expire within this time."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List certificates, the revoked ones too."""
    within = show.duration_ms(expiring, "--expiring") if expiring else None
    found = house.look(context, lambda tx, caller, _kade: _all(tx, caller, user))
    if within is not None:
        found = [each for each in found if _expires_within(each, within)]
    if as_json:
        print_json(found)
        return
    rows = [
        [
            each["id"],
            each["user"],
            each["subject"],
            each["fingerprint"][:16],
            _state(each),
            (each["until"] or "")[:10],
        ]
        for each in found
    ]
    show.table(["ID", "USER", "SUBJECT", "FINGERPRINT", "STATE", "UNTIL"], rows)


@app.command()
def add(
    context: typer.Context,
    user: Annotated[str, typer.Argument(metavar="USER", help="Whose certificate it is.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The certificate: PEM, DER or base64.")],
    as_json: Json = False,
) -> None:
    """Register a certificate; those that are there stay in force."""
    der = read(file)
    _report(house.change(context, lambda tx, caller, _kade: _register_for(tx, caller, user, der)), as_json)


@app.command("show")
def show_(context: typer.Context, which: Which, as_json: Json = False) -> None:
    """Show a certificate."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        from kade.auth.authority import describe

        owner, credential = _named(tx, caller, which)
        more = describe(credential.material or b"")
        return {
            **described(credential, owner.name),
            "issuer": more.issuer,
            "serial": more.serial,
            "oin": more.oin,
            "registered": show.time(credential.created_at),
        }

    shown = house.look(context, verb)
    if as_json:
        print_json(shown)
    else:
        show.facts([(name, str(value or "")) for name, value in shown.items()])


@app.command()
def revoke(context: typer.Context, which: Which, as_json: Json = False) -> None:
    """Revoke a certificate: refused from now on, running transfers end."""

    def verb(tx: Tx, caller: Caller, _kade: Kade) -> dict[str, Any]:
        from kade.services import principals

        owner, credential = _named(tx, caller, which)
        principals.revoke(tx, caller, credential)
        return described(tx.credentials.get(credential.id) or credential, owner.name)

    _report(house.change(context, verb), as_json)


@app.command()
def issue(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Common name; also of the files.")],
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the files go; here.")] = Path(),
    days: Annotated[int, typer.Option("--days", min=1, help="How long it is valid.")] = 365,
    oin: Annotated[
        str | None, typer.Option("--oin", metavar="NUMBER", help="Organisation number to put into it.")
    ] = None,
    user: Annotated[
        str | None, typer.Option("--for", metavar="USER", help="Register it for this user as well.")
    ] = None,
    p12_password: Annotated[
        str | None,
        typer.Option("--p12-password", metavar="TEXT", help="Password of the .p12 file; a random one."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Issue a certificate from the development authority in the data folder.

    Writes NAME.crt and NAME.key (PEM) and NAME.p12 (both, for browsers and Java).
    """
    if "/" in name or name.startswith("."):
        raise CommandError(f"{name!r} cannot be the name of a file", USAGE)
    authority = _authority(house.settings(context).data.folder)
    issued = _issued(authority, name, days, oin)
    paths = _free_paths(out, name)
    registered = None
    if user is not None:
        registered = house.change(
            context, lambda tx, caller, _kade: _register_for(tx, caller, user, issued.der)
        )
    secret = p12_password or secrets.token_urlsafe(12)
    _save(issued, authority, paths, secret)
    files = {suffix: str(path) for suffix, path in paths.items()}
    said = {**files, "p12_password": secret, "certificate": registered}
    if as_json:
        print_json(said)
        return
    for path in files.values():
        typer.echo(path)
    if p12_password is None:
        typer.echo(f"password of the .p12 file: {secret}", err=True)


def read(file: Path) -> bytes:
    """The certificate in a file as DER. Raises CommandError, OSError."""
    from kade.auth.authority import CertificateError, first_certificate

    try:
        return first_certificate(file.read_bytes())
    except CertificateError as error:
        raise CommandError(f"{file}: {error}") from None


def register(tx: Tx, caller: Caller, user: Principal, der: bytes) -> Credential:
    """Register a certificate for a user. Raises KadeError(CredentialReason.ALREADY_REGISTERED)."""
    from kade.auth import client_certificate
    from kade.auth.authority import describe
    from kade.core.clock import Millis
    from kade.core.principals import CredentialKind
    from kade.services import principals

    what = describe(der)
    return principals.register(
        tx,
        caller,
        user,
        CredentialKind.CERTIFICATE,
        client_certificate.fingerprint(der),
        label=what.subject,
        material=der,
        not_before=Millis(what.not_before),
        not_after=Millis(what.not_after),
    )


def described(credential: Credential, owner: str) -> dict[str, Any]:
    """A registered certificate as people and programs want to see it."""
    from kade.auth.authority import describe

    return {
        "id": credential.id,
        "user": owner,
        "subject": describe(credential.material).subject if credential.material else credential.label,
        "fingerprint": credential.fingerprint,
        "from": show.time(credential.not_before),
        "until": show.time(credential.not_after),
        "revoked": show.time(credential.revoked_at),
    }


def line(certificate: dict[str, Any]) -> str:
    """What ``described`` gave, on one line."""
    until = f", until {certificate['until'][:10]}" if certificate["until"] else ""
    return f"{certificate['subject']}, {certificate['fingerprint'][:16]}, {_state(certificate)}{until}"


def _state(certificate: dict[str, Any]) -> str:
    from kade.core.clock import now

    moment = show.time(now()) or ""
    if certificate["revoked"]:
        return "revoked"
    if certificate["until"] and certificate["until"] <= moment:
        return "expired"
    return "not yet" if certificate["from"] and certificate["from"] > moment else "in force"


def _expires_within(certificate: dict[str, Any], within: int) -> bool:
    from kade.core.clock import now

    if certificate["revoked"] or not certificate["until"]:
        return False
    return bool(certificate["until"] <= (show.time(now() + within) or ""))


def _all(tx: Tx, caller: Caller, user: str | None) -> list[dict[str, Any]]:
    return [described(credential, owner.name) for owner, credential in _certificates(tx, caller, user)]


def _certificates(tx: Tx, caller: Caller, user: str | None = None) -> list[tuple[Principal, Credential]]:
    from kade.core.principals import CredentialKind

    return house.credentials(tx, caller, CredentialKind.CERTIFICATE, user)


def _named(tx: Tx, caller: Caller, which: str) -> tuple[Principal, Credential]:
    """The certificate whose id or fingerprint begins so. Raises CommandError unless it is exactly one."""
    prefix = which.lower().replace(":", "")
    if len(prefix) < _LEAST_PREFIX:
        raise CommandError(f"{which!r} is too short to name a certificate: six digits at least", USAGE)
    matching = [
        (owner, credential)
        for owner, credential in _certificates(tx, caller)
        if credential.fingerprint.startswith(prefix) or credential.id.startswith(prefix)
    ]
    # The same certificate may have been revoked and registered again: the one in force is meant.
    chosen = [each for each in matching if each[1].revoked_at is None] or matching
    if len(chosen) != 1:
        raise CommandError(f"{which!r} names {len(chosen) or 'no'} certificates; see `kade cert list`")
    return chosen[0]


def _register_for(tx: Tx, caller: Caller, user: str, der: bytes) -> dict[str, Any]:
    owner = house.user(tx, caller, user)
    return described(register(tx, caller, owner, der), owner.name)


def _report(certificate: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(certificate)
    else:
        typer.echo(f"{certificate['id']}  {certificate['user']}: {line(certificate)}")


def _authority(folder: Path) -> Issued:
    from kade.auth.authority import CertificateError, load_issued

    try:
        return load_issued(folder / "pki" / "ca.crt", folder / "pki" / "ca.key")
    except FileNotFoundError as error:
        raise CommandError(
            f"{error.filename}: there is no development authority here; `kade init` makes one"
        ) from None
    except CertificateError as error:
        raise CommandError(str(error)) from None


def _issued(authority: Issued, name: str, days: int, oin: str | None) -> Issued:
    from kade.auth.authority import issue_client

    try:
        return issue_client(authority, name, days, oin)
    except ValueError as error:
        raise CommandError(str(error), USAGE) from None


def _free_paths(folder: Path, name: str) -> dict[str, Path]:
    paths = {suffix: folder / f"{name}.{suffix}" for suffix in ("crt", "key", "p12")}
    for path in paths.values():
        if path.exists():
            raise CommandError(f"{path} is there already")
    return paths


def _save(issued: Issued, authority: Issued, paths: dict[str, Path], password: str) -> None:
    from kade import durable

    paths["crt"].parent.mkdir(parents=True, exist_ok=True)
    issued.save(paths["crt"], paths["key"])
    durable.write(paths["p12"], issued.pkcs12(password, authority.certificate), 0o600)
