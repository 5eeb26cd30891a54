"""Binding: the name that a dialect instance gives to an object of the core."""

from enum import StrEnum
from typing import NamedTuple

from kade.core.ids import Id


class Noun(StrEnum):
    """What kind of object a binding names."""

    SPACE = "space"
    FILE = "file"
    PRINCIPAL = "principal"
    TASK = "task"


class Binding(NamedTuple):
    """(instance, noun, scope, key) → object; unique both ways while the object lives."""

    instance: str
    noun: str
    scope: str
    key: str
    object_id: Id
