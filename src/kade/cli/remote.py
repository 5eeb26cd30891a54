"""The options of commands that talk to a server, and how they show what is going on."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli.errors import printable

if TYPE_CHECKING:
    from kade.client import RemotePeer

Certificate = Annotated[
    Path | None,
    typer.Option(
        "--cert", metavar="FILE", help="Our certificate, PEM, or PKCS#12 (.p12, .pfx) with its key."
    ),
]
Key = Annotated[
    Path | None, typer.Option("--key", metavar="FILE", help="The certificate's private key, PEM.")
]
Password = Annotated[
    str | None,
    typer.Option("--password", envvar="KADE_CERT_PASSWORD", help="Password of the key or PKCS#12 file."),
]
Authorities = Annotated[
    Path | None,
    typer.Option("--cacert", metavar="FILE", help="Authorities to trust instead of the system's, PEM."),
]
Bearer = Annotated[
    str | None, typer.Option("--bearer", metavar="KEY", envvar="KADE_KEY", help="A key of the service API.")
]
Retries = Annotated[
    int, typer.Option(min=1, help="Attempts in a row that get no further before it gives up.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]


def peer(
    url: str,
    certificate: Path | None,
    key: Path | None,
    password: str | None,
    authorities: Path | None,
    bearer: str | None,
    attempts: int = 3,
) -> RemotePeer:
    """The server of this URL, with the proof that the options give. Raises TransferError."""
    from kade.client import RemotePeer, Retry, client_context

    tls = client_context(certificate, key, password=password, authorities=authorities)
    elsewhere = client_context(authorities=authorities)
    return RemotePeer(url, tls=tls, elsewhere=elsewhere, bearer=bearer, retry=Retry(attempts=attempts))


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def human_size(size: int) -> str:
    """A number of bytes for people, in decimal units: "1.5 MB"."""
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"


class Bar:
    """Progress on standard error: a bar with sizes and rate on a terminal, else sentences alone."""

    def __init__(self, what: str, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._quiet = quiet
        self._task = self._progress.add_task(printable(what), total=None, start=False)
        self._anew = True
        self._started = time.monotonic()

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @property
    def seconds(self) -> float:
        """Time since the beginning, rounded to milliseconds."""
        return round(time.monotonic() - self._started, 3)

    def at(self, done: int, total: int | None) -> None:
        if self._anew:
            # What an earlier run did must not count as this one's speed.
            self._progress.reset(self._task, completed=done, total=total)
            self._anew = False
        self._progress.update(self._task, completed=done, total=total)

    def waiting(self, reason: str, seconds: float) -> None:
        self._anew = True
        if not self._quiet:
            pause = f"; trying again in {seconds:.1f} s" if seconds else "; trying again"
            self._progress.console.print(printable(reason) + pause, markup=False, soft_wrap=True)

    def verifying(self) -> None:
        self._progress.update(self._task, description="comparing digests")


def summary(text: str, *, quiet: bool) -> None:
    """A closing remark for people, on standard error so that standard output stays the result."""
    if not quiet:
        print(printable(text), file=sys.stderr)
