"""Settings: frozen, from one TOML file and the environment, each with its documentation and origin."""

from kade.config.loading import OTHER_VARIABLES, Config, Entry, documented_keys, load
from kade.config.sections import Catalog, Data, Limits, Listener, Log, Storage, Uploads
from kade.config.settings import ConfigError
from kade.config.values import Allowed, AtLeast, AtMost, Duration, Secret, Size, UrlPath

__all__ = [
    "OTHER_VARIABLES",
    "Allowed",
    "AtLeast",
    "AtMost",
    "Catalog",
    "Config",
    "ConfigError",
    "Data",
    "Duration",
    "Entry",
    "Limits",
    "Listener",
    "Log",
    "Secret",
    "Size",
    "Storage",
    "Uploads",
    "UrlPath",
    "documented_keys",
    "load",
]
