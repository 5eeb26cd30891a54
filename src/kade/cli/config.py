"""`kade config`: what is set, to what, and where that came from."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from kade.cli.context import Context
from kade.cli.remote import Json, print_json


def config(
    context: typer.Context,
    as_json: Json = False,
    reference: Annotated[
        bool, typer.Option("--reference", help="Print the reference of all keys as Markdown instead.")
    ] = False,
) -> None:
    """Print what is set, and where that came from.

    Every key with its value in force and its origin: default, file, or the name of a variable.
    """
    ours: Context = context.obj
    if reference:
        from kade.config.reference import markdown

        typer.echo(markdown(ours.sections()), nl=False)
        return
    entries = ours.config.entries()
    if as_json:
        print_json({entry.key: {"value": entry.value, "origin": entry.origin} for entry in entries})
        return
    lines = [f"{entry.key} = {_toml(entry.value)}" for entry in entries]
    width = max(len(line) for line in lines)
    for line, entry in zip(lines, entries, strict=True):
        typer.echo(f"{line.ljust(width)}  # {entry.origin}")


def _toml(value: Any) -> str:
    # Texts, numbers, truth values and lists of them are written alike in TOML and JSON.
    return json.dumps(value, ensure_ascii=False)
