"""Options that are the rules of a space, and those rules in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kade.cli import show
from kade.cli.errors import USAGE, CommandError

if TYPE_CHECKING:
    from kade.core.spaces import Policy

_DIGESTS = ("md5",)  # besides SHA-256, which every file has

Trash = Annotated[
    str | None,
    typer.Option("--trash", metavar="TIME", help="How long removed files can be restored; 0: not at all."),
]
MaxSize = Annotated[
    str | None, typer.Option("--max-size", metavar="SIZE", help="Largest file in it, or none.")
]
Digests = Annotated[
    str | None,
    typer.Option("--digests", metavar="LIST", help="Computed as files arrive, besides SHA-256: md5, none."),
]
KeepContent = Annotated[
    str | None,
    typer.Option("--keep-content", metavar="TIME", help="How long files have their bytes; 0: for ever."),
]
KeepRecord = Annotated[
    str | None,
    typer.Option("--keep-record", metavar="TIME", help="How long files are known at all; 0: for ever."),
]
Names = Annotated[
    str | None,
    typer.Option("--names", metavar="LIST", help="Names that files may have, such as *.xml,*.zip, or any."),
]
Refuse = Annotated[
    str | None,
    typer.Option(
        "--refuse", metavar="LIST", help="Extensions that are refused: exe,bat; programs: the usual; none."
    ),
]


Index = Annotated[
    str | None, typer.Option("--index", metavar="YES|NO", help="Whether its files can be searched: yes, no.")
]


def changed(policy: Policy, **options: str | None) -> Policy:
    """*policy* with what the options say, by the names of their parameters. Raises CommandError."""
    for name, text in options.items():
        if text is not None:
            policy = replace(policy, **_RULES[name](text))
    return policy


def described(policy: Policy) -> dict[str, Any]:
    """The rules for JSON."""
    return {
        "trash_seconds": policy.trash_ms // 1000,
        "max_size": policy.max_file_size or None,
        "digests": ["sha256", *policy.digests],
        "keep_content_seconds": policy.keep_content_ms // 1000 or None,
        "keep_record_seconds": policy.keep_record_ms // 1000 or None,
        "file_names": list(policy.file_names),
        "refused_extensions": list(policy.refused_extensions),
        "index": policy.index,
    }


def facts(rules: dict[str, Any]) -> list[tuple[str, str]]:
    """The rules for people."""
    return [
        ("trash", _seconds(rules["trash_seconds"], "none")),
        ("largest file", show.limit(rules["max_size"])),
        ("digests", " ".join(rules["digests"])),
        ("bytes are kept", _seconds(rules["keep_content_seconds"], "for ever")),
        ("records are kept", _seconds(rules["keep_record_seconds"], "for ever")),
        ("file names", " ".join(rules["file_names"]) or "any"),
        ("refused", _refused_in_words(rules["refused_extensions"])),
        ("searched", "yes" if rules["index"] else "no"),
    ]


def _refused_in_words(extensions: list[str]) -> str:
    from kade.core.business_types import REFUSED_EXTENSIONS

    return "programs" if tuple(extensions) == REFUSED_EXTENSIONS else " ".join(extensions) or "nothing"


def _seconds(seconds: int | None, without: str) -> str:
    if not seconds:
        return without
    return f"{seconds // 86_400} days" if seconds % 86_400 == 0 else f"{seconds} s"


def _digests(text: str) -> dict[str, Any]:
    named = () if text == "none" else tuple(name.strip().lower() for name in text.split(","))
    unknown = [name for name in named if name not in _DIGESTS]
    if unknown:
        raise CommandError(f"--digests names {unknown[0]!r}; md5 and none are known", USAGE)
    return {"digests": named}


def _names(text: str) -> dict[str, Any]:
    return {"file_names": () if text == "any" else _listed(text)}


def _refused(text: str) -> dict[str, Any]:
    from kade.core.business_types import REFUSED_EXTENSIONS

    if text == "programs":
        return {"refused_extensions": REFUSED_EXTENSIONS}
    return {"refused_extensions": () if text == "none" else _listed(text.lower().replace(".", ""))}


def _index(text: str) -> dict[str, Any]:
    if text not in ("yes", "no"):
        raise CommandError(f"--index is {text!r}, but must be yes or no", USAGE)
    return {"index": text == "yes"}


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


_RULES: dict[str, Any] = {
    "trash": lambda text: {"trash_ms": show.duration_ms(text, "--trash")},
    "max_size": lambda text: {"max_file_size": show.size(text, "--max-size") or 0},
    "digests": _digests,
    "keep_content": lambda text: {"keep_content_ms": show.duration_ms(text, "--keep-content")},
    "keep_record": lambda text: {"keep_record_ms": show.duration_ms(text, "--keep-record")},
    "names": _names,
    "refuse": _refused,
    "index": _index,
}
