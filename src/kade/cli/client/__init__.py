"""`kade client`: the File Client daemon and its tasks."""

from __future__ import annotations

import typer

from kade.cli.client import serve, steer, transfer, watch

app = typer.Typer(
    name="client",
    no_args_is_help=True,
    help="Fetch from and send to somebody else's file server, by tasks that survive whatever comes.",
)
app.command("serve")(serve.serve)
app.command("download")(transfer.download)
app.command("upload")(transfer.upload)
app.command("tasks")(watch.tasks)
app.command("watch")(watch.watch)
app.command("pause")(steer.pause)
app.command("resume")(steer.resume)
app.command("cancel")(steer.cancel)
app.command("remove")(steer.remove)
