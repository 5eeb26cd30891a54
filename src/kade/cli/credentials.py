"""What the commands for keys and secrets have in common: each is made, shown once, listed and revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import show
from kade.cli.remote import print_json

if TYPE_CHECKING:
    from kade.core.clock import Millis
    from kade.core.principals import Credential

Label = Annotated[str, typer.Option("--label", help="What it is for.")]
Expires = Annotated[
    str | None, typer.Option("--expires", metavar="TIME", help="It ends after this time, such as 90d.")
]


def until(expires: str | None) -> Millis | None:
    """When what is made now and expires after that time ends. Raises CommandError."""
    from kade.core.clock import Millis, now

    return Millis(now() + show.duration_ms(expires, "--expires")) if expires else None


def described(credential: Credential) -> dict[str, Any]:
    """What may be known of a credential; never the secret itself."""
    return {
        "id": credential.id,
        "label": credential.label,
        "created": show.time(credential.created_at),
        "until": show.time(credential.not_after),
        "revoked": show.time(credential.revoked_at),
    }


def listed(found: list[dict[str, Any]], *, as_json: bool) -> None:
    """Those that there are of one owner."""
    if as_json:
        print_json(found)
        return
    rows = [
        [each["id"], each["label"], each["created"][:10], each["until"] or "never", each["revoked"] or ""]
        for each in found
    ]
    show.table(["ID", "LABEL", "SINCE", "EXPIRES", "REVOKED"], rows)


def made(what: dict[str, Any], field: str, secret: str, called: str, *, as_json: bool) -> None:
    """A new one, with its secret this once: under *field* in JSON; *called* so for people."""
    if as_json:
        print_json({**what, field: secret})
        return
    typer.echo(secret)
    typer.echo(f"{called} is shown only now; its id is {what['id']}.", err=True)
