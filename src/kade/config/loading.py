"""One TOML file and the environment become one Config, or one sentence that says what is wrong."""

from __future__ import annotations

import fnmatch
import re
import tomllib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, overload

import msgspec
from msgspec import UNSET

from kade.config.sections import (
    CORE_SECTIONS,
    Catalog,
    Data,
    Limits,
    Listener,
    Log,
    Mail,
    Search,
    Serve,
    Sources,
    Storage,
    Tasks,
    Tokens,
    Uploads,
    Worker,
)
from kade.config.settings import PREFIX, ConfigError, Setting, all_settings, default_of, did_you_mean

Section = msgspec.Struct | type[msgspec.Struct]
S = TypeVar("S", bound=msgspec.Struct)

# Variables that look like ours and are no keys: of the command line, and of the tests.
OTHER_VARIABLES = ("KADE_CONFIG", "KADE_KEY", "KADE_CERT_PASSWORD", "KADE_TEST_*", "KADE_CRASH_*")


@dataclass(frozen=True)
class Entry:
    """One key as `kade config` shows it: the value masked, the origin "default", "file" or a variable."""

    key: str
    value: Any
    origin: str


@dataclass(frozen=True)
class Config:
    """Everything that can be set, as it is in force; it never changes while the program runs."""

    data: Data
    catalog: Catalog
    storage: Storage
    uploads: Uploads
    web: Listener
    exchange: Listener
    client: Listener
    serve: Serve
    tasks: Tasks
    search: Search
    sources: Sources
    worker: Worker
    mail: Mail
    tokens: Tokens
    limits: Limits
    log: Log
    origins: Mapping[str, str]
    path: Path | None
    further: Mapping[str, msgspec.Struct]
    settings: Mapping[str, Setting]

    @overload
    def section(self, name: str) -> msgspec.Struct: ...
    @overload
    def section(self, name: str, kind: type[S]) -> S: ...
    def section(self, name: str, kind: type[msgspec.Struct] = msgspec.Struct) -> msgspec.Struct:
        """The section of this dotted name, as one of `kind`.

        Raises KeyError for a section that was not handed to `load`, TypeError when it is of another kind.
        """
        found = self.further[name] if name in self.further else getattr(self, name, None)
        if name not in self.further and name not in CORE_SECTIONS:
            raise KeyError(name)
        if not isinstance(found, kind):
            raise TypeError(f"the section {name} is no {kind.__name__}")
        return found

    def entries(self) -> list[Entry]:
        """Every key with its value as it may be shown, and where that came from."""
        return [
            Entry(key, setting.shown(self._value(key)), self.origins[key])
            for key, setting in self.settings.items()
        ]

    def _value(self, key: str) -> Any:
        names = [name for name in (*CORE_SECTIONS, *self.further) if key.startswith(name + ".")]
        section = max(names, key=len)
        value: Any = self.section(section)
        for part in key.removeprefix(section + ".").split("."):
            value = getattr(value, _attribute(value, part))
        return value


def load(
    path: Path | None, environ: Mapping[str, str], sections: Mapping[str, type[msgspec.Struct]] = {}
) -> Config:
    """The configuration from this file (None: no file) and these variables, which win over the file.

    `sections` are further ones by dotted name. Relative paths count from the file's folder, without a
    file from the working directory. Raises ConfigError; ValueError when `sections` are no good themselves.
    """
    known: dict[str, Section] = {**CORE_SECTIONS, **sections}
    settings = all_settings(known)
    base = path.parent.absolute() if path else Path.cwd()
    file = _TomlFile.read(path) if path else None
    _refuse_unknown_variables(environ, settings)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if file:
        for key, value in file.values(settings, known):
            values[key] = _from_file(settings[key], value, base, file)
            origins[key] = "file"
    for key, setting in settings.items():
        if setting.variable in environ:
            values[key] = _from_variable(setting, environ[setting.variable], base)
            origins[key] = setting.variable
    built = {name: _build(name, section, values, base) for name, section in known.items()}
    return Config(
        **{name: built[name] for name in CORE_SECTIONS},  # type: ignore[arg-type]
        origins={key: origins.get(key, "default") for key in settings},
        path=path,
        further={name: built[name] for name in sections},
        settings=settings,
    )


def documented_keys(sections: Mapping[str, type[msgspec.Struct]] = {}) -> list[str]:
    """Every dotted key that a file may hold; each has its documentation, or this raises ValueError."""
    return list(all_settings({**CORE_SECTIONS, **sections}))


@dataclass(frozen=True)
class _TomlFile:
    path: Path
    text: str
    tree: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> _TomlFile:
        try:
            text = path.read_text(encoding="utf-8")
            return cls(path, text, tomllib.loads(text))
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"{path}: is not UTF-8 text") from None
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{path}: is not valid TOML: {error}") from None

    def values(
        self, settings: Mapping[str, Setting], sections: Mapping[str, Section]
    ) -> Iterator[tuple[str, Any]]:
        tables = {
            prefix for key in (*settings, *(f"{name}.*" for name in sections)) for prefix in _prefixes(key)
        }
        yield from self._walk("", self.tree, settings, tables)

    def _walk(
        self, above: str, table: dict[str, Any], settings: Mapping[str, Setting], tables: set[str]
    ) -> Iterator[tuple[str, Any]]:
        for name, value in table.items():
            key = f"{above}.{name}" if above else name
            if key in settings:
                yield key, value
            elif key not in tables:
                hint = did_you_mean(key, [*settings, *tables])
                raise ConfigError(f"{self.place(key)}: there is no key {key}{hint}")
            elif not isinstance(value, dict):
                raise ConfigError(f"{self.place(key)}: {key} is a section, written [{key}], and not a value")
            else:
                yield from self._walk(key, value, settings, tables)

    def place(self, key: str) -> str:
        """The file and, where it is easily found, the line of a key or table."""
        line = _line_of(self.text, key)
        return f"{self.path}:{line}" if line else str(self.path)


def _prefixes(key: str) -> list[str]:
    parts = key.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


_HEADER = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]")
_ASSIGNMENT = re.compile(r"\s*([A-Za-z0-9_\-.\"' ]+?)\s*=")


def _line_of(text: str, key: str) -> int | None:
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = re.sub(r"[\s\"']", "", header[1])
            if table == key or table.startswith(key + "."):
                return number
        elif assignment := _ASSIGNMENT.match(line):
            name = re.sub(r"[\s\"']", "", assignment[1])
            full = f"{table}.{name}" if table else name
            # `web = {port = 1}` names web alone on its line: near enough.
            if full == key or key.startswith(full + ".") or full.startswith(key + "."):
                return number
    return None


def _refuse_unknown_variables(environ: Mapping[str, str], settings: Mapping[str, Setting]) -> None:
    variables = {setting.variable for setting in settings.values()}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in variables:
            continue
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in OTHER_VARIABLES):
            raise ConfigError(f"{name}: no key has this variable{did_you_mean(name, variables)}")


def _from_file(setting: Setting, value: Any, base: Path, file: _TomlFile) -> Any:
    try:
        return setting.convert(value, base, strict=True)
    except ValueError as error:
        raise ConfigError(_refusal(file.place(setting.key), setting, value, error)) from None


def _from_variable(setting: Setting, text: str, base: Path) -> Any:
    try:
        return setting.from_text(text, base)
    except ValueError as error:
        raise ConfigError(_refusal(setting.variable, setting, text, error)) from None


def _refusal(place: str, setting: Setting, value: Any, error: ValueError) -> str:
    # A table may hold a password.
    hidden = setting.secret or setting.tables
    what = "has a value that is not shown here" if hidden else f"is {_quoted(value)}"
    why = f" ({error})" if setting.tables else ""
    return f"{place}: {setting.key} {what}, but must be {setting.allowed}{why}"


def _quoted(value: Any) -> str:
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 100 else text[:99] + "…"


def _build(prefix: str, section: Section, values: Mapping[str, Any], base: Path) -> msgspec.Struct:
    """A section from its converted values and defaults."""
    kind = section if isinstance(section, type) else type(section)
    arguments: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        key = f"{prefix}.{field.encode_name}"
        default = default_of(section, field)
        inner = _struct_of(field.type)
        if inner is not None:
            arguments[field.name] = _build(key, inner if default is UNSET else default, values, base)
        elif key in values:
            arguments[field.name] = values[key]
        elif default is UNSET:
            raise ConfigError(f"{key} must be set: it has no default")
        else:
            arguments[field.name] = base / default if isinstance(default, Path) else default
    try:
        return kind(**arguments)
    except ValueError as error:
        raise ConfigError(f"section [{prefix}]: {error}") from None


def _struct_of(annotation: Any) -> type[msgspec.Struct] | None:
    bare = annotation.__origin__ if typing.get_origin(annotation) is typing.Annotated else annotation
    return bare if isinstance(bare, type) and issubclass(bare, msgspec.Struct) else None


def _attribute(section: msgspec.Struct, name: str) -> str:
    return next(field.name for field in msgspec.structs.fields(section) if field.encode_name == name)
