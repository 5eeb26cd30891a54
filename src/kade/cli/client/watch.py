"""`kade client tasks` and `watch`: what the File Client is doing, once or as it goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import remote
from kade.cli.client import daemon
from kade.cli.errors import printable

if TYPE_CHECKING:
    from rich.table import Table

    from kade.client.task_service import Kind, Row, TaskService

_PAUSE_S = 0.25
_OVER = ("SUCCEEDED", "FAILED")
_HEADINGS = ("TASK", "KIND", "STATE", "DONE", "RATE", "TRIES", "URL", "LAST ERROR")


def tasks(
    context: typer.Context,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", "-u", help="Those alone that are not over.")
    ] = False,
    server: daemon.Server = None,
    bearer: remote.Bearer = None,
    cacert: remote.Authorities = None,
    as_json: remote.Json = False,
) -> None:
    """List the tasks of the File Client."""
    found = daemon.inside(context, server, bearer, cacert, lambda service: service.tasks())
    shown = [(kind, row) for kind, row in found if not unfinished or row["status"] not in _OVER]
    if as_json:
        remote.print_json([{"kind": kind, **row} for kind, row in shown])
        return
    rows = [_HEADINGS, *(_cells(kind, row) for kind, row in shown)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(_HEADINGS))]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        typer.echo("  ".join(cells).rstrip())


def watch(
    context: typer.Context,
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[TASK]...", help="Tasks by number; all that are not over.")
    ] = None,
    server: daemon.Server = None,
    bearer: remote.Bearer = None,
    cacert: remote.Authorities = None,
) -> None:
    """Watch tasks until they are over, or until Ctrl-C; they go on without this command."""

    async def run(service: TaskService) -> None:
        chosen = set(numbers or [])
        for number in chosen:
            await service.find(number)
        with Display(quiet=False) as display:
            while True:
                found = await service.tasks()
                chosen |= set() if numbers else _unfinished(found)
                shown = [(kind, row) for kind, row in found if row["fileId"] in chosen]
                display.show(shown)
                if all(row["status"] in _OVER for _, row in shown):
                    return
                await asyncio.sleep(_PAUSE_S)

    daemon.inside(context, server, bearer, cacert, run)


async def follow(service: TaskService, kind: Kind, task: Row, *, quiet: bool) -> Row:
    """Show a task until it is over; what it is then."""
    with Display(quiet=quiet) as display:
        while task["status"] not in _OVER:
            display.show([(kind, task)])
            await asyncio.sleep(_PAUSE_S)
            task = await service.task(kind, task["fileId"])
        display.show([(kind, task)])
    return task


class Display:
    """Rows that change in place on a terminal; elsewhere a line for each change of state or new error."""

    def __init__(self, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True, highlight=False)
        self._quiet = quiet
        self._told: dict[int, tuple[str, str]] = {}
        live = not quiet and self._console.is_terminal
        self._live = Live(console=self._console, auto_refresh=False) if live else None

    def __enter__(self) -> Display:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, rows: list[tuple[Kind, Row]]) -> None:
        """The tasks as they are now."""
        if self._live is not None:
            self._live.update(_table(rows), refresh=True)
        elif not self._quiet:
            for kind, row in rows:
                self._tell(kind, row)

    def _tell(self, kind: Kind, row: Row) -> None:
        state = (row["state"], row.get("lastError", ""))
        if self._told.get(row["fileId"]) != state:
            self._told[row["fileId"]] = state
            error = f": {printable(state[1])}" if state[1] else ""
            line = f"{kind} {row['fileId']} {row['state']}, {_amount(row)}{error}"
            self._console.print(line, markup=False, soft_wrap=True)


def _table(rows: list[tuple[Kind, Row]]) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, expand=True)
    for heading in ("TASK", "STATE", "", "DONE", "RATE", "TRIES"):
        table.add_column(heading, no_wrap=True)
    table.add_column("LAST ERROR", ratio=1)
    for kind, row in rows:
        total = row.get("length")
        bar: Any = ProgressBar(total or 1, row["bytes"] if total else 0, width=24)
        _, _, state, done, rate, tries, _, error = _cells(kind, row)
        table.add_row(f"{kind} {row['fileId']}", state, bar, done, rate, tries, Text(error))
    return table


def _cells(kind: str, row: Row) -> tuple[str, ...]:
    rate = row.get("bytesPerSecond", 0)
    tries = str(row["retries"]) + (f"/{row['maxAttempts']}" if row.get("maxAttempts") else "")
    return (
        str(row["fileId"]),
        kind,
        row["state"],
        _amount(row),
        f"{remote.human_size(rate)}/s" if rate else "",
        tries,
        printable(str(row.get("url") or row.get("creationUrl"))),
        printable(row.get("lastError", "")),
    )


def _amount(row: Row) -> str:
    done, total = row.get("bytes", 0), row.get("length")
    of = f" of {remote.human_size(total)}" if total is not None else ""
    return remote.human_size(done) + of


def _unfinished(found: list[tuple[Kind, Row]]) -> set[int]:
    return {row["fileId"] for _, row in found if row["status"] not in _OVER}
