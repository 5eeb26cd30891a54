"""How a command fails: one sentence on standard error and an exit code."""

from __future__ import annotations

import os
import sys
import traceback

import typer

FAILED, USAGE, INTERRUPTED = 1, 2, 130


class CommandError(Exception):
    """A command cannot go on; the message is a sentence for whoever typed it."""

    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code


def report(error: Exception, *, debug: bool) -> int:
    """Print the sentence of this error and return the exit code it means."""
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has enough of it; the interpreter must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if debug:
        traceback.print_exception(error)
    sentence, code = _sentence(error)
    if isinstance(error, typer.TyperException) and "\n" in error.format_message():
        # A group of commands without a command: its message is its help page.
        print(error.format_message(), file=sys.stderr)
        return code
    print(f"kade: {printable(sentence)}" if sentence else "", file=sys.stderr)
    return code


def printable(text: str) -> str:
    """Text from elsewhere as a terminal may show it: control characters escaped, on one line."""
    return "".join(
        letter if letter.isprintable() else repr(letter)[1:-1] for letter in text.replace("\n", " ")
    )


def _sentence(error: Exception) -> tuple[str, int]:
    from kade.client.errors import TransferError
    from kade.config import ConfigError
    from kade.core.errors import KadeError

    if isinstance(error, CommandError):
        return str(error), error.code
    if isinstance(error, ConfigError):
        return str(error), USAGE
    if type(error).__name__ in ("AlreadyServing", "SchemaError", "OverlapError", "SealError"):
        return str(error), FAILED
    if isinstance(error, KadeError):
        from kade.cli.refusals import sentence

        return sentence(error), FAILED
    if isinstance(error, TransferError):
        return str(error), FAILED
    if isinstance(error, typer.Abort):
        return "aborted", INTERRUPTED
    if isinstance(error, typer.TyperException):
        return _usage(error), error.exit_code
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}", FAILED
    return f"this should not have happened: {type(error).__name__}: {error}; see `kade --debug …`", FAILED


def _usage(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "kade")
    return f"{error.format_message().rstrip('.')}; see `{path} --help`"
