"""What a JSON body says, field by field: everything that is wrong is told at once, and nothing is guessed."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request

from kade.core.clock import Millis, from_datetime
from kade.core.errors import KadeError, RequestReason
from kade.core.ids import Id
from kade.dialects.filerequests import ids
from kade.dialects.filerequests.errors import FieldErrors
from kade.dialects.filerequests.ids import Prefix
from kade.web.receive import read_all

_BODY = 1 << 20  # bytes


class Fields:
    """The fields of an object; those that nobody asks for are left alone.

    A missing field and one that is null are the same. What is asked for and is not as it should be is noted;
    ``require_valid`` tells of it.
    """

    def __init__(
        self, said: Mapping[str, Any], prefix: str = "", errors: dict[str, list[str]] | None = None
    ) -> None:
        self._said = said
        self._prefix = prefix
        self._errors: dict[str, list[str]] = {} if errors is None else errors

    @classmethod
    async def of(cls, request: Request) -> "Fields":
        """Those of the request's body.

        Raises:
            KadeError: ``RequestReason.MALFORMED`` unless it is a JSON object; what ``read_all`` raises.
        """
        body = await read_all(request.scope, request.receive, _BODY)
        try:
            found = json.loads(body.decode(), parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise KadeError(RequestReason.MALFORMED, "it is no JSON") from error
        if not isinstance(found, dict):
            raise KadeError(RequestReason.MALFORMED, "it is no object")
        return cls(found)

    @property
    def said(self) -> Mapping[str, Any]:
        """The object as it was sent."""
        return self._said

    def has(self, name: str) -> bool:
        """Whether it was sent, be it as null."""
        return name in self._said

    def wrong(self, name: str, why: str) -> None:
        """Note what is wrong with a field."""
        self._errors.setdefault(self._prefix + name, []).append(why)

    def require_valid(self) -> None:
        """Raises FieldErrors when anything is wrong with any field that was asked for."""
        if self._errors:
            raise FieldErrors(self._errors)

    def text(self, name: str, *, longest: int = 255) -> str:
        """A text with something in it, which must be there."""
        found = self.optional_text(name, longest=longest)
        if found is None and not self._noted(name):
            self.wrong(name, "This field is required.")
        return found or ""

    def optional_text(self, name: str, *, longest: int = 10_000) -> str | None:
        """A text, trimmed; None when it is missing, null or blank."""
        found = self._said.get(name)
        if found is None:
            return None
        if not isinstance(found, str) or not _is_text(found):
            self.wrong(name, "This must be a text.")
            return None
        trimmed = found.strip()
        if len(trimmed) > longest:
            self.wrong(name, f"This may have at most {longest} characters.")
        return trimmed or None

    def boolean(self, name: str, default: bool) -> bool:
        """True or false, and nothing that looks like it."""
        found = self._said.get(name)
        if found is None:
            return default
        if not isinstance(found, bool):
            self.wrong(name, "This must be true or false.")
            return default
        return found

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number of that range; None when it is missing."""
        found = self._said.get(name)
        if found is None:
            return None
        if isinstance(found, float) and math.isfinite(found) and found == int(found):
            found = int(found)  # JSON knows but one kind of number
        if not isinstance(found, int) or isinstance(found, bool):
            self.wrong(name, "This must be a whole number.")
            return None
        if not least <= found <= most:
            self.wrong(name, f"This must be from {least} to {most}.")
            return None
        return found

    def reference(self, name: str, prefix: Prefix) -> Id | None:
        """The id of an object of that kind; None when it is missing."""
        found = self.optional_text(name)
        if found is None:
            return None
        known = ids.read(prefix, found)
        if known is None:
            self.wrong(name, "There is no such object.")
        return known

    def moment(self, name: str) -> Millis | None:
        """A moment with its offset (RFC 3339); None when it is missing."""
        found = self.optional_text(name)
        if found is None:
            return None
        try:
            moment = datetime.fromisoformat(found)
            if moment.tzinfo is not None:
                return from_datetime(moment)
        except (ValueError, OverflowError):
            pass
        self.wrong(name, "This must be a date and time with an offset.")
        return None

    def one_of(self, name: str, known: Sequence[str]) -> str:
        """One of these; the first when it is missing."""
        found = self.optional_text(name)
        if found is not None and found not in known:
            self.wrong(name, f"This must be one of: {', '.join(filter(None, known))}.")
        return found if found is not None and found in known else known[0]

    def texts(self, name: str, most: int) -> list[str]:
        """A list of texts; empty when it is missing."""
        found = self._said.get(name)
        if found is None:
            return []
        if not isinstance(found, list) or not all(isinstance(each, str) and _is_text(each) for each in found):
            self.wrong(name, "This must be a list of texts.")
            return []
        if len(found) > most:
            self.wrong(name, f"This may have at most {most} items.")
        return found

    def objects(self, name: str, least: int, most: int) -> "Iterator[Fields]":
        """A list of so many objects, whose mistakes are told with its own."""
        found = self._said.get(name)
        if not isinstance(found, list):
            self.wrong(name, "This field is required." if found is None else "This must be a list.")
            return
        if not least <= len(found) <= most:
            self.wrong(name, f"This must have {least} to {most} items.")
            return
        for position, each in enumerate(found):
            if isinstance(each, dict):
                yield Fields(each, f"{self._prefix}{name}.{position}.", self._errors)
            else:
                self.wrong(f"{name}.{position}", "This must be an object.")

    def _noted(self, name: str) -> bool:
        return self._prefix + name in self._errors


def _is_text(text: str) -> bool:
    """Whether every database keeps it: no NUL, no lone surrogates."""
    return not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")
