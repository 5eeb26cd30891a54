"""Elements ↔ structs, document/literal wrapped with unqualified children (WS-I Basic Profile 1.1, 4.7).

Read: children in any order, each once unless its member is a list. Written: members in their order, those
that are None left out. The names are those that a struct has in JSON, so that one struct serves both.
"""

import base64
import types
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import lru_cache
from re import compile as pattern
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec
from lxml import etree

from kade.core.errors import KadeError, RequestReason
from kade.web.soap.envelope import Node, QName

_PLUS = pattern(r"^\+(?=[0-9])")
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_NOT_XML = pattern("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A member whose bytes are streamed: *length* of them, from *pieces*; a file of that name and type."""

    length: int
    name: str
    media_type: str
    pieces: AsyncIterator[bytes]


def read(node: Node, kind: type[T]) -> T:
    """An element's children as one of *kind*.

    Raises:
        KadeError: ``RequestReason.MALFORMED`` for a child that is unknown or repeated; ``MISSING_VALUE``;
            ``BAD_VALUE`` for text that is no value of its member's type.
    """
    try:
        return msgspec.convert(_members(node, kind), kind, strict=False)
    except msgspec.ValidationError as error:
        raise KadeError(RequestReason.BAD_VALUE, str(error)[:200]) from error


def require(node: Node, kind: type[msgspec.Struct]) -> None:
    """See that everything is there that *kind* requires, whatever its value.

    Raises:
        KadeError: ``RequestReason.MISSING_VALUE``.
    """
    children = {child.qname: child for child in node.children}
    for name, member in _fields(kind).items():
        child = children.get(QName("", name))
        if child is None and member.required:
            raise KadeError(RequestReason.MISSING_VALUE, name)
        if child is not None and _is_struct(member.kind):
            require(child, member.kind)


def write(parent: etree._Element, value: msgspec.Struct, marker: str = "") -> "Outgoing | None":
    """Append the members of *value*; the one that is streamed, in whose place *marker* stands, if any."""
    streamed: Outgoing | None = None
    for field in msgspec.structs.fields(value):
        member = getattr(value, field.name)
        for each in member if isinstance(member, list | tuple) else (member,):
            if isinstance(each, etree._Element):
                parent.append(each)
            elif each is not None:
                child = etree.SubElement(parent, field.encode_name)
                streamed = _fill(child, each, marker) or streamed
    return streamed


def text_of(text: str) -> str:
    """*text* without the characters that XML 1.0 cannot carry."""
    return _NOT_XML.sub("\ufffd", text)


@lru_cache
def binary_names(kind: type[msgspec.Struct]) -> frozenset[str]:
    """The names of the elements of type base64Binary, at any depth."""
    names: set[str] = set()
    for name, member in _fields(kind).items():
        if member.kind is bytes:
            names.add(name)
        elif _is_struct(member.kind):
            names |= binary_names(member.kind)
    return frozenset(names)


class _Member(NamedTuple):
    kind: Any
    repeated: bool
    required: bool


def _members(node: Node, kind: type[msgspec.Struct]) -> dict[str, Any]:
    fields = _fields(kind)
    _require_elements_only(node)
    members: dict[str, Any] = {}
    for child in node.children:
        member = fields.get(child.qname.name) if not child.qname.namespace else None
        name = child.qname.name
        if member is None:
            raise KadeError(RequestReason.MALFORMED, f"unexpected element {_told(child.qname)}")
        if child.attributes.get(_NIL) in ("true", "1"):
            continue
        if member.repeated:
            members.setdefault(name, []).append(_value(child, member.kind))
        elif name in members:
            raise KadeError(RequestReason.MALFORMED, f"element {name} is repeated")
        else:
            members[name] = _value(child, member.kind)
    missing = [name for name, member in fields.items() if member.required and name not in members]
    if missing:
        raise KadeError(RequestReason.MISSING_VALUE, missing[0])
    return members


def _value(node: Node, kind: Any) -> Any:
    if _is_struct(kind):
        return _members(node, kind)
    if kind is bytes and node.data is not None:
        return node.data
    if node.children:
        raise KadeError(RequestReason.MALFORMED, f"unexpected element {_told(node.children[0].qname)}")
    if kind is bytes:
        return _decoded(node)
    if kind is int:
        return _PLUS.sub("", node.text.strip())
    return node.text if kind is str else node.text.strip()


def _decoded(node: Node) -> bytes:
    try:
        return base64.b64decode("".join(node.text.split()), validate=True)
    except ValueError as error:  # not Base64, or not even US-ASCII
        raise KadeError(RequestReason.BAD_VALUE, f"{node.qname.name} is no base64") from error


def _fill(element: etree._Element, value: Any, marker: str) -> Outgoing | None:
    if isinstance(value, Outgoing):
        element.text = marker
        return value
    if isinstance(value, msgspec.Struct):
        return write(element, value, marker)
    if isinstance(value, bytes):
        element.text = base64.b64encode(value).decode()
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    else:
        element.text = text_of(str(value))
    return None


@lru_cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, _Member]:
    return {field.encode_name: _member(field) for field in msgspec.structs.fields(kind)}


def _member(field: msgspec.structs.FieldInfo) -> _Member:
    kind = field.type
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(each for each in get_args(kind) if each is not type(None))
    repeated = get_origin(kind) is list
    return _Member(get_args(kind)[0] if repeated else kind, repeated, field.required)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _require_elements_only(node: Node) -> None:
    if node.text.strip():
        raise KadeError(RequestReason.MALFORMED, f"text in element {_told(node.qname)}")


def _told(qname: QName) -> str:
    """A name as a refusal tells it."""
    return (f"{{{qname.namespace}}}" if qname.namespace else "")[:120] + qname.name[:60]
