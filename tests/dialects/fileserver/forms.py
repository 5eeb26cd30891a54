"""Forms written byte by byte: clients differ, and tests want to be worse than any of them."""

from collections.abc import Iterable
from typing import NamedTuple

BOUNDARY = "limit-of-parts"


class Part(NamedTuple):
    """One part: its disposition's parameters, its bytes, and further header lines."""

    name: str
    data: bytes = b""
    filename: str | None = None
    headers: tuple[str, ...] = ()


def file_part(data: bytes, name: str = "a.bin", *headers: str) -> Part:
    return Part("file", data, name, headers or ("Content-Type: application/octet-stream",))


def content_type(boundary: str = BOUNDARY) -> dict[str, str]:
    return {"Content-Type": f'multipart/form-data; boundary="{boundary}"'}


def body_of(parts: Iterable[Part], boundary: str = BOUNDARY) -> bytes:
    """The form's body."""
    return b"".join(written(part, boundary) for part in parts) + f"--{boundary}--\r\n".encode()


def written(part: Part, boundary: str = BOUNDARY) -> bytes:
    file_name = "" if part.filename is None else f'; filename="{part.filename}"'
    lines = [f'Content-Disposition: form-data; name="{part.name}"{file_name}', *part.headers]
    return f"--{boundary}\r\n".encode() + "\r\n".join(lines).encode() + b"\r\n\r\n" + part.data + b"\r\n"
