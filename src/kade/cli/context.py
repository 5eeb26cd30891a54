"""What every command is given: where the configuration is, read when first asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import msgspec

    from kade.config import Config

DEFAULT_PATH = Path("kade.toml")


@dataclass
class Context:
    """The object of typer's context: `context.obj.config` is the configuration in force.

    Commands act in the tenant of that name, or in the one that `kade init` made.

    `sections` gives the sections of what is built in besides the core; it is asked when the configuration
    is read and not before, so that commands without one start fast.
    """

    path: Path | None = None
    tenant: str | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    sections: Callable[[], Mapping[str, type[msgspec.Struct]]] = dict

    @cached_property
    def config(self) -> Config:
        """Raises ConfigError; a file that was named must be there, the default one need not."""
        from kade.config import load

        path = self.path or (DEFAULT_PATH if DEFAULT_PATH.exists() else None)
        return load(path, self.environ, self.sections())
