"""`kade demo`: real files through a real server, step by step; every step asserts on what comes back."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kade.cli.errors import CommandError, printable

if TYPE_CHECKING:
    from kade.cli.demo.quay import Quay
    from kade.cli.demo.story import Story


def demo(
    file: Annotated[
        Path | None, typer.Option("--file", metavar="PATH", help="Exchange this file instead of our own.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the server running, and print what to try next.")
    ] = False,
) -> None:
    """Start a Kade on free loopback ports in a temporary folder and exchange real files through it.

    Ends with `demo: N steps passed`; the exit code is 1 when a step fails, and says which.
    """
    from kade.cli.demo.quay import Quay
    from kade.cli.demo.story import Story

    if file is not None and not file.is_file():
        raise CommandError(f"{file} is no file")
    for name in [name for name in os.environ if name.startswith("KADE_")]:
        del os.environ[name]  # what the reader's own Kade is told is not meant for this one
    folder = Path(tempfile.mkdtemp(prefix="kade-demo-"))
    quay = Quay(folder / "quay")
    story = Story(quay, folder, file)
    kept = False
    try:
        passed = asyncio.run(_play(story))
        if keep:
            _print_next(quay, story)
            kept = True
        else:
            asyncio.run(_close(quay))
    finally:
        if story.second is not None:
            story.second.abandon()
        if not kept:
            quay.abandon()
            shutil.rmtree(folder, ignore_errors=True)
    typer.echo(f"demo: {passed} steps passed")


async def _play(story: Story) -> int:
    """Play every step; how many there were. Raises CommandError at the first that fails."""
    from kade.cli.demo.quay import Unexpected
    from kade.client.errors import Interrupted, TransferError

    steps = story.steps()
    for number, (title, step) in enumerate(steps, start=1):
        typer.echo(f"{number:>2}  {title}")
        began = time.monotonic()
        try:
            for line in await step():
                typer.echo(printable(f"      {line}"))
        except (Unexpected, Interrupted, TransferError, OSError) as error:
            tail = story.quay.log_tail()
            if tail:
                typer.echo(f"the server's last words:\n{tail}", err=True)
            raise CommandError(f"demo: step {number}, {title}: {error}") from error
        typer.echo(f"      done in {time.monotonic() - began:.1f} s")
    return len(steps)


async def _close(quay: Quay) -> None:
    if await quay.stop() != 0:
        raise CommandError(f"demo: the server did not end well:\n{quay.log_tail()}")


def _print_next(quay: Quay, story: Story) -> None:
    partner = f"--cacert {quay.authority} --cert {story.haven.certificate} --key {story.haven.key}"
    lines = [
        f"Kade is still running, process {quay.pid}, in {quay.folder}. Try next:",
        "",
        "# the partner fetches the file that was published",
        f"curl {partner} -OJ {quay.exchange}/files/download/{story.published[0].path}",
        "# the partner sends a file, resumed when it is interrupted",
        f"kade put /etc/services {quay.exchange}/files/upload {partner}",
        "# the application lists what there is",
        f"curl -H 'Authorization: Bearer {quay.key}' {quay.web}/service/rest/v1/files",
        f"kade ls {quay.web} --bearer {quay.key}",
        "# the operator looks on",
        f"kade --config {quay.config} user show haven",
        f"kade --config {quay.config} audit --follow",
        f"kade --config {quay.config} doctor --digests",
        "# the end",
        f"kill {quay.pid}; rm -r {quay.folder.parent}",
    ]
    typer.echo("\n".join(lines))
