"""The reference of all settings as a Markdown page; `docs/operate/configuration.md` is made by it."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from kade.config.loading import Section
from kade.config.sections import CORE_SECTIONS
from kade.config.settings import Setting, all_settings, settings_of

_INTRODUCTION = """\
# Configuration

<!-- Made by `kade config --reference`; a test compares it with the code. -->

Kade reads one TOML file: the one named by `--config` or `KADE_CONFIG`, else `kade.toml` in the working
directory if there is one. Every key can also be set by an environment variable, which wins over the file.
`kade config` prints what is in force and where each value came from.

An unknown key, an unknown variable that begins with `KADE_`, or a bad value stops the start with a sentence
that names it.

- **Sizes** are numbers of bytes or text with a unit: `"48MiB"` (1024²), `"1GB"` (1000³).
- **Durations** are numbers of seconds or text with a unit: `"500ms"`, `"8s"`, `"5m"`, `"24h"`, `"30d"`.
- **Paths** that are relative count from the folder of the configuration file, without one from the working
  directory. An optional path is left out by an empty text.
- **Lists** are parted by commas in a variable: `KADE_WEB_TRUSTED_PROXIES=10.0.0.1,10.1.0.0/16`.

Variables that begin with `KADE_` and are no keys: `KADE_CONFIG` (the file), `KADE_KEY` and
`KADE_CERT_PASSWORD` (for commands that talk to a server), and those of the
tests (`KADE_TEST_…`, `KADE_CRASH_…`).
"""


def markdown(sections: Mapping[str, type[msgspec.Struct]] = {}) -> str:
    """The page for the sections of every Kade and these further ones."""
    known: dict[str, Section] = {**CORE_SECTIONS, **sections}
    all_settings(known)
    return _INTRODUCTION + "".join(_section(name, section) for name, section in known.items())


def _section(name: str, section: Section) -> str:
    kind = section if isinstance(section, type) else type(section)
    about = (inspect.getdoc(kind) or "").splitlines()
    lines = ["", f"## [{name}]", ""]
    lines += [about[0], ""] if about else []
    lines += ["| Key | Default | Meaning | Environment variable |", "|---|---|---|---|"]
    for setting in settings_of(name, section):
        lines.append(_row(setting))
        columns = settings_of(f"{setting.key}[]", setting.tables) if setting.tables else ()
        lines += [_row(column, "in JSON") for column in columns]
    return "\n".join(lines) + "\n"


def _row(setting: Setting, variable: str = "") -> str:
    meaning = f"{setting.description} Must be {setting.brief}."
    cells = (f"`{setting.key}`", _default(setting), meaning, variable or f"`{setting.variable}`")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(setting: Setting) -> str:
    if setting.default is UNSET:
        return "must be set"
    value: Any = setting.shown(setting.default)
    return f"`{json.dumps(value, ensure_ascii=False)}`"
