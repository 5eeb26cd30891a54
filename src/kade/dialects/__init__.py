"""The dialects: a folder each, found by being here."""

import importlib
import pkgutil

from kade.web.dialect import Dialect


def discover() -> dict[str, Dialect]:
    """Every dialect of this installation, by name."""
    found: dict[str, Dialect] = {}
    for module in pkgutil.iter_modules(__path__):
        dialect: Dialect = importlib.import_module(f"{__name__}.{module.name}").DIALECT
        found[dialect.name] = dialect
    return found
