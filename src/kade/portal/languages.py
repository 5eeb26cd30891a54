"""What the portal says, per language: texts, plurals, sizes and moments; and which language somebody gets."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import cache
from importlib import resources
from typing import Any

from starlette.requests import Request

from kade.core.clock import Millis

LANGUAGES = ("en", "nl")
COOKIE = "kade_language"
_UNITS = ("kB", "MB", "GB", "TB", "PB")


@dataclass(frozen=True)
class Language:
    """One language; *code* as in BCP 47."""

    code: str
    texts: Mapping[str, Any]

    def say(self, key: str, n: int | None = None, **values: object) -> str:
        """The text of a dotted *key*, with *values* in its places; *n* chooses between one and many."""
        section, _, name = key.partition(".")
        text = self.texts[section][name]
        if n is not None and not isinstance(text, str):
            text = text["one" if n == 1 else "other"]
        return str(text).format(n=n, **values)

    def size(self, count: int) -> str:
        """Bytes as people write them: thousands, rounded down to three digits at most, as ``10.4 MB``."""
        if count < 1000:
            return f"{count} B"
        value, unit = count, -1
        shown = str(count)
        while value >= 1000 and unit + 1 < len(_UNITS):
            whole, rest = divmod(value, 1000)
            tenth = rest // 100
            shown = f"{whole}{self._decimal}{tenth}" if whole < 100 and tenth else str(whole)
            value, unit = whole, unit + 1
        return f"{shown} {_UNITS[unit]}"

    def moment(self, at: Millis, zone: tzinfo) -> str:
        """Date and time in words."""
        when = datetime.fromtimestamp(at / 1000, zone)
        months: list[str] = self.texts["format"]["months"]
        date = self.say("format.date", day=when.day, month=months[when.month - 1], year=when.year)
        return self.say("format.moment", date=date, time=f"{when:%H:%M}")

    def kinds(self, accepts: tuple[str, ...]) -> str:
        """The media types in words: "PDF, JPEG or image"; anything without any."""
        named: Mapping[str, str] = self.texts["types"]
        words = list(dict.fromkeys(named.get(each, each.partition("/")[2] or each) for each in accepts))
        if not words:
            return self.say("slot.any_type")
        if len(words) == 1:
            return words[0]
        return f"{', '.join(words[:-1])} {self.say('slot.and')} {words[-1]}"

    @property
    def _decimal(self) -> str:
        return self.say("format.decimal")


@cache
def language(code: str) -> Language:
    """The language of this *code*, one of ``LANGUAGES``."""
    text = resources.files("kade.portal").joinpath(f"texts/{code}.toml").read_text(encoding="utf-8")
    return Language(code, tomllib.loads(text))


def chosen(request: Request, fallback: str = "") -> Language:
    """What whoever asks reads best: what they chose, what their browser asks for, or *fallback*."""
    choice = request.cookies.get(COOKIE, "")
    if choice not in LANGUAGES:
        choice = _accepted(request.headers.get("accept-language", "")) or fallback
    return language(choice if choice in LANGUAGES else LANGUAGES[0])


def _accepted(header: str) -> str:
    """The best of ours in ``Accept-Language`` (RFC 9110, 12.5.4); empty when none is asked for."""
    best, weight = "", 0.0
    for item in header[:1000].split(","):
        tag, _, parameter = item.partition(";")
        code = tag.strip().lower().partition("-")[0]
        quality = _quality(parameter)
        if code in LANGUAGES and quality > weight:
            best, weight = code, quality
    return best


def _quality(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
