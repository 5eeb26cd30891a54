"""The keys that sections consist of: how each is named, written, documented and converted."""

from __future__ import annotations

import difflib
import functools
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta

from kade.config.values import Allowed, AtLeast, AtMost, Duration, Secret, Size

PREFIX = "KADE_"


class ConfigError(Exception):
    """The configuration cannot be used; the message is one sentence that names the key and its place."""


@dataclass(frozen=True)
class Setting:
    """One key: "web.port", its type with all that is said about it, and its default (UNSET: must be set)."""

    key: str
    type: Any
    default: Any
    description: str
    secret: Secret | None
    minimum: str | None
    maximum: str | None
    words: str | None

    @property
    def variable(self) -> str:
        """The environment variable that sets this key."""
        return PREFIX + self.key.replace(".", "_").upper()

    @property
    def section(self) -> str:
        return self.key.rpartition(".")[0]

    @property
    def name(self) -> str:
        return self.key.rpartition(".")[2]

    @property
    def tables(self) -> type[msgspec.Struct] | None:
        """What each item is, when the key is a list of tables (`[[key]]`)."""
        items = [each for each in typing.get_args(_bare(self.type)) if isinstance(each, type)]
        return next((each for each in items if issubclass(each, msgspec.Struct)), None)

    @property
    def allowed(self) -> str:
        """What may be written, in words that fit after "must be"."""
        return self.words or _words(self.type, self._limits, with_examples=True)

    @property
    def brief(self) -> str:
        """The same without examples, for where sizes and durations are explained already."""
        return self.words or _words(self.type, self._limits, with_examples=False)

    def convert(self, value: object, base: Path, *, strict: bool) -> Any:
        """The value as the section's field holds it; relative paths count from `base`.

        Raises ValueError when the value is not allowed; the caller knows its place and says so.
        """
        if value == "" and _optional(self.type):
            return None

        def custom(kind: type, raw: object) -> object:
            if kind in (Size, Duration):
                return kind(raw)
            if kind is Path and isinstance(raw, str) and raw:
                return base / Path(raw).expanduser()
            raise ValueError(f"not allowed: {raw!r}")

        try:
            result = msgspec.convert(value, self.type, strict=strict, dec_hook=custom)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None
        if self.minimum is not None and result < type(result)(self.minimum):
            raise ValueError("too small")
        if self.maximum is not None and result > type(result)(self.maximum):
            raise ValueError("too large")
        return result

    @property
    def _limits(self) -> str:
        least = f", at least {self.minimum}" if self.minimum else ""
        return least + (f", at most {self.maximum}" if self.maximum else "")

    def from_text(self, text: str, base: Path) -> Any:
        """The value of an environment variable: lists are parted by commas, tables written as JSON.

        A list of tables is a JSON array.
        """
        kind = _bare(self.type)
        origin = typing.get_origin(kind) or kind
        if origin is dict or self.tables is not None:
            return self.convert(_json(text), base, strict=False)
        if origin in (list, tuple, set, frozenset):
            items = [item.strip() for item in text.split(",")]
            return self.convert([item for item in items if item], base, strict=False)
        return self.convert(text, base, strict=False)

    def shown(self, value: Any) -> Any:
        """The value as it may be printed or written as JSON: secrets masked, sizes and times as text."""
        if self.secret is not None and value is not None:
            return self.secret.mask(str(value))
        if isinstance(value, Size | Duration | Path):
            return str(value)
        if self.tables is not None:
            columns = list(settings_of(self.key, self.tables))
            return [{each.name: each.shown(getattr(row, each.name)) for each in columns} for row in value]
        return "" if value is None else msgspec.to_builtins(value, enc_hook=str)


def settings_of(prefix: str, section: msgspec.Struct | type[msgspec.Struct]) -> Iterator[Setting]:
    """The keys of a section, in the order of its fields; a field that is a struct is a table of its own."""
    kind = section if isinstance(section, type) else type(section)
    hints = _hints(kind)
    for field in msgspec.structs.fields(kind):
        default = default_of(section, field)
        key = f"{prefix}.{field.encode_name}"
        annotation = hints[field.name]
        inner = _bare(annotation)
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield from settings_of(key, inner if default is UNSET else default)
        else:
            yield _setting(key, annotation, default)


@functools.cache
def _hints(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The annotations of a section; Python compiles each of them anew whenever it is asked."""
    return typing.get_type_hints(kind, include_extras=True)


def default_of(section: msgspec.Struct | type[msgspec.Struct], field: msgspec.structs.FieldInfo) -> Any:
    """What a field is when nothing sets it; UNSET when the section has no default for it."""
    if not isinstance(section, type):
        return getattr(section, field.name)
    if field.default is not msgspec.NODEFAULT:
        return field.default
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return UNSET


def all_settings(sections: Mapping[str, msgspec.Struct | type[msgspec.Struct]]) -> dict[str, Setting]:
    """Every key of every section, by its dotted name.

    Raises ValueError, a mistake in the program, when two keys are the same or share a variable.
    """
    found: dict[str, Setting] = {}
    variables: dict[str, str] = {}
    for name, section in sections.items():
        for setting in settings_of(name, section):
            other = variables.setdefault(setting.variable, setting.key)
            if setting.key in found or other != setting.key:
                raise ValueError(
                    f"the settings {other} and {setting.key} share the variable {setting.variable}"
                )
            found[setting.key] = setting
    return found


def did_you_mean(word: str, known: typing.Iterable[str]) -> str:
    """A sentence's end that offers the nearest known word, or nothing."""
    nearest = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def _setting(key: str, annotation: Any, default: Any) -> Setting:
    marks = annotation.__metadata__ if typing.get_origin(annotation) is Annotated else ()
    descriptions = [mark.description for mark in marks if isinstance(mark, Meta) and mark.description]
    if not descriptions:
        raise ValueError(f"the setting {key} has no documentation: give its type a Meta(description=…)")
    made = Setting(
        key=key,
        type=annotation,
        default=default,
        description=descriptions[-1],
        secret=next((mark for mark in marks if isinstance(mark, Secret)), None),
        minimum=next((mark.value for mark in marks if isinstance(mark, AtLeast)), None),
        maximum=next((mark.value for mark in marks if isinstance(mark, AtMost)), None),
        words=next((mark.words for mark in marks if isinstance(mark, Allowed)), None),
    )
    for column in settings_of(key, made.tables) if made.tables is not None else ():
        assert column.name  # each is documented, or this raises
    return made


def _bare(annotation: Any) -> Any:
    return annotation.__origin__ if typing.get_origin(annotation) is Annotated else annotation


def _members(annotation: Any) -> tuple[Any, ...]:
    bare = _bare(annotation)
    if isinstance(bare, types.UnionType) or typing.get_origin(bare) is typing.Union:
        return typing.get_args(bare)
    return (bare,)


def _optional(annotation: Any) -> bool:
    return type(None) in _members(annotation)


def _json(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None


_WORDS: dict[Any, str] = {
    bool: "true or false",
    str: "text",
    float: "a number",
    Path: "a path",
    list: "a list",
    tuple: "a list",
    dict: "a table",
    Size: "a size",
    Duration: "a duration",
}
_EXAMPLES: dict[Any, str] = {
    Size: ' (a number of bytes, or such as "48MiB" or "1GB")',
    Duration: ' (a number of seconds, or such as "500ms", "8s" or "24h")',
}


def _words(annotation: Any, limits: str, *, with_examples: bool) -> str:
    member = next(member for member in _members(annotation) if member is not type(None))
    if typing.get_origin(member) is Literal:
        return "one of " + ", ".join(str(choice) for choice in typing.get_args(member))
    if member is int:
        return "a whole number" + _bounds(annotation)
    kind = typing.get_origin(member) or member
    examples = _EXAMPLES.get(kind, "") if with_examples else ""
    return _WORDS.get(kind, "a value of its type") + examples + limits


def _bounds(annotation: Any) -> str:
    marks = [mark for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, Meta)]
    lowest = next((mark.ge for mark in marks if mark.ge is not None), None)
    highest = next((mark.le for mark in marks if mark.le is not None), None)
    if lowest is not None and highest is not None:
        return f" from {lowest} to {highest}"
    if lowest is not None:
        return f", at least {lowest}"
    return f", at most {highest}" if highest is not None else ""
