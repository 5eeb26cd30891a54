"""Parameters of a request: from its query and its form alike, in every spelling that PHP and curl make.

``X[]=a&X[]=b``, ``X[0]=a&X[1]=b`` and a bare ``X=a`` are lists. What stands in the body counts before what
stands in the query. Parameters that nobody knows are left alone.
"""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from starlette.requests import Request

from kade.core import names
from kade.core.annotations import Annotations
from kade.core.clock import Millis, from_datetime
from kade.dialects.filer import namer, paths
from kade.dialects.filer.codes import FilerReason, refusal
from kade.web.forms import form_pairs

_ELEMENT = re.compile(r"(?P<name>[^\[\]]+)\[(?P<index>[0-9]{0,6})\]")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_BODY = 8 << 20  # bytes: texts and tags of 100,000 characters each, escaped
_CUSTOM_ID, _TAG, _TEXT = 255, 30, 100_000  # characters
_DIGITS = 9
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class Target(NamedTuple):
    """A file as a request names it: by its path, or where that is None by its id."""

    path: str | None
    custom_id: str


class Parameters:
    """What a request says; each method raises the KadeError that its number stands for."""

    def __init__(self, query: Sequence[tuple[str, str]], body: Sequence[tuple[str, str]] = ()) -> None:
        self._lists = _lists(query) | _lists(body)

    @classmethod
    async def of(cls, request: Request) -> "Parameters":
        """Those of a request. Raises what ``form_pairs`` raises."""
        body = await form_pairs(request, _BODY)
        return cls(request.query_params.multi_items(), body)

    def has(self, name: str) -> bool:
        """Whether it was sent at all, be it empty."""
        return name in self._lists

    def text(self, name: str) -> str:
        """Its (last) value; empty when it is missing."""
        return self._lists.get(name, [""])[-1]

    def many(self, name: str) -> list[str]:
        """Its values that are not blank, each once."""
        return list(dict.fromkeys(each for each in self._lists.get(name, ()) if each.strip()))

    def boolean(self, name: str) -> bool | None:
        """None when it is missing or empty."""
        text = self.text(name).strip().lower()
        if text in _TRUE:
            return True
        if text and text not in _FALSE:
            raise refusal(FilerReason.BAD_BOOLEAN, name)
        return False if text else None

    def number(self, name: str, least: int, most: int, reason: FilerReason) -> int | None:
        """None when it is missing."""
        text = self.text(name).strip()
        if not text:
            return None
        found = whole(text)
        if found is None or not least <= found <= most:
            raise refusal(reason, name)
        return found

    def path(self, name: str = "FilePath") -> str | None:
        """A file's path, with at least a folder before the name; None when it is missing."""
        text = self.text(name)
        if not text.strip():
            return None
        try:
            found = paths.parsed(text)
        except ValueError:
            raise refusal(FilerReason.BAD_PATH, name) from None
        if "/" not in found:
            raise refusal(FilerReason.BAD_PATH, name)
        return found

    def target(self) -> Target:
        """Which file is meant: by ``FilePath`` or, only without that, ``CustomID``."""
        if not self.text("FilePath").strip() and not self.text("CustomID"):
            raise refusal(FilerReason.NEITHER_PATH_NOR_ID)
        return Target(self.path(), self.custom_id)

    def directory(self) -> str:
        """The path of a folder."""
        text = self.text("Directory")
        if not text.strip():
            raise refusal(FilerReason.DIRECTORY_MISSING)
        try:
            return paths.parsed(text)
        except ValueError:
            raise refusal(FilerReason.BAD_DIRECTORY) from None

    @property
    def custom_id(self) -> str:
        """Text, as it is; empty when it is missing."""
        found = self.text("CustomID")
        if len(found) > _CUSTOM_ID or not found.isprintable():
            raise refusal(FilerReason.CUSTOM_ID_TOO_LONG)
        return found

    @property
    def annotations(self) -> Annotations:
        """What is said of a file; what is not sent is nothing."""
        extra, meta, tags = self.text("ExtraContent"), self.text("Meta"), self.many("Tags")
        if len(extra) > _TEXT:
            raise refusal(FilerReason.EXTRA_TOO_LONG)
        if meta.strip():
            _require_object(meta)
        if any(re.search(r"\s", tag) for tag in tags):
            raise refusal(FilerReason.TAG_OF_WORDS)
        if any(len(tag) > _TAG for tag in tags):
            raise refusal(FilerReason.TAG_TOO_LONG)
        if sum(map(len, tags)) > _TEXT:
            raise refusal(FilerReason.TAGS_TOO_LONG)
        return Annotations(tuple(tags), meta.strip(), extra)

    def moment(self, name: str) -> Millis | None:
        """A time in UTC to the second; None when it is missing."""
        text = self.text(name).strip()
        if not text:
            return None
        try:
            return from_datetime(datetime.strptime(text, _TIME).replace(tzinfo=UTC))
        except ValueError:
            raise refusal(FilerReason.BAD_TIME) from None


def whole(text: str) -> int | None:
    """A whole number, perhaps negative; None for anything else."""
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS else None


def is_all(name: str) -> bool:
    """Whether a group's name stands for all groups, in whatever case."""
    return names.fold(name) == names.fold(namer.ALL)


def _require_object(meta: str) -> None:
    try:
        found = json.loads(meta)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise refusal(FilerReason.BAD_META)


def _lists(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Values by name: those of ``X[0]`` and ``X[1]`` in the order of their numbers, others as they came."""
    found: dict[str, list[tuple[int, str]]] = {}
    for key, value in pairs:
        match = _ELEMENT.fullmatch(key)
        name = match["name"] if match else key
        index = int(match["index"]) if match and match["index"] else 0
        found.setdefault(name, []).append((index, value))
    return {
        name: [value for _, value in sorted(each, key=lambda item: item[0])] for name, each in found.items()
    }
