"""The headers of tus: what each must look like, with the protocol's requirement beside it."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from kade.core.clock import Millis
from kade.core.errors import KadeError, RequestReason, UploadReason
from kade.core.uploads import UploadKind
from kade.services.receiving import Checksum, TrailingChecksum

VERSION = "1.0.0"
EXTENSIONS = (
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,checksum-trailer,"
    "termination,concatenation,concatenation-unfinished"
)
CHECKSUMS = ("sha1", "md5", "crc32", "sha256", "sha512")
BODY_TYPE = "application/offset+octet-stream"

# What a browser's script may send, and may read of an answer (field.md 5.2).
CORS_ALLOWED = (
    "Authorization, Content-Type, Origin, Tus-Resumable, Upload-Checksum, Upload-Concat, "
    "Upload-Defer-Length, Upload-Length, Upload-Metadata, Upload-Offset, X-HTTP-Method-Override, "
    "X-Request-ID, X-Requested-With"
)
CORS_EXPOSED = (
    "Location, Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, "
    "Upload-Concat, Upload-Defer-Length, Upload-Expires, Upload-Length, Upload-Metadata, Upload-Offset, "
    "X-Request-ID"
)

_INTEGER = re.compile(r"\d{1,19}")
_LARGEST = 2**63 - 1
_METADATA_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]+")


def upload_offset(headers: Headers) -> int:
    """``Upload-Offset``: a non-negative integer; PATCH must carry it."""
    value = _integer(headers, "Upload-Offset")
    if value is None:
        raise KadeError(RequestReason.MISSING_VALUE, "Upload-Offset")
    return value


def upload_length(headers: Headers) -> int | None:
    """``Upload-Length``: a non-negative integer; None when it is not sent."""
    return _integer(headers, "Upload-Length")


def declared_length(headers: Headers) -> int | None:
    """The length of a new upload: ``Upload-Length``, or None for ``Upload-Defer-Length: 1``; never both."""
    length, defer = upload_length(headers), headers.get("Upload-Defer-Length")
    if defer is not None and (defer != "1" or length is not None):
        raise KadeError(UploadReason.BAD_LENGTH, "Upload-Defer-Length")
    if defer is None and length is None:
        raise KadeError(RequestReason.MISSING_VALUE, "Upload-Length")
    return length


def upload_metadata(headers: Headers, limit: int) -> tuple[str, dict[str, str]]:
    """``Upload-Metadata``: comma-separated pairs of a key and a Base64 value, which may be missing.

    Keys must not be empty, must be unique, and hold neither spaces nor commas. Values must be UTF-8.
    """
    verbatim = headers.get("Upload-Metadata", "")
    if len(verbatim) > limit:
        raise KadeError(UploadReason.METADATA_TOO_LARGE, limit=limit)
    pairs: dict[str, str] = {}
    for item in filter(None, (item.strip() for item in verbatim.split(","))):
        key, _, value = item.partition(" ")
        if key in pairs or not _METADATA_KEY.fullmatch(key):
            raise KadeError(UploadReason.BAD_METADATA, ascii(key[:40]))
        try:
            pairs[key] = base64.b64decode(value.strip(), validate=True).decode()
        except ValueError as error:  # not Base64, not even US-ASCII, or not UTF-8
            raise KadeError(UploadReason.BAD_METADATA, ascii(key[:40])) from error
    return verbatim, pairs


@dataclass(frozen=True, slots=True)
class Concat:
    """``Upload-Concat``: what kind of upload it is, and the URLs of its parts as they were given."""

    kind: UploadKind
    urls: tuple[str, ...] = ()
    verbatim: str = ""


def upload_concat(headers: Headers) -> Concat:
    """``Upload-Concat``: ``partial``, or ``final;`` and the parts' URLs, separated by spaces."""
    value = headers.get("Upload-Concat")
    if value is None:
        return Concat(UploadKind.WHOLE)
    if value == "partial":
        return Concat(UploadKind.PARTIAL, (), value)
    kind, _, urls = value.partition(";")
    if kind != "final" or not urls.split():
        raise KadeError(RequestReason.BAD_VALUE, "Upload-Concat")
    return Concat(UploadKind.FINAL, tuple(urls.split()), value)


def key_of_part(url: str, path: str) -> str:
    """The upload's key in a part's URL, absolute or not; *path* is the endpoint's."""
    try:
        parts = urlsplit(url).path
    except ValueError as error:
        raise KadeError(UploadReason.NOT_A_PART, ascii(url[:200])) from error
    prefix, _, key = parts.rpartition("/")
    if not prefix.endswith(path) or not key:
        raise KadeError(UploadReason.NOT_A_PART, url[:200])
    return key


def upload_checksum(headers: Headers) -> Checksum | TrailingChecksum | None:
    """``Upload-Checksum``: algorithm and Base64 digest; in a trailer when ``Trailer`` announces it there."""
    value = headers.get("Upload-Checksum")
    if value is not None:
        return _checksum(value)
    announced = [name.strip().lower() for name in headers.get("Trailer", "").split(",")]
    if "upload-checksum" not in announced:
        return None
    return _from_trailers


def expires(moment: Millis) -> str:
    """``Upload-Expires``: when an unfinished upload goes away (HTTP date)."""
    return formatdate(moment // 1000, usegmt=True)


def is_body_type(headers: Headers) -> bool:
    """Whether ``Content-Type`` is that of tus; parameters are tolerated."""
    return headers.get("Content-Type", "").partition(";")[0].strip().lower() == BODY_TYPE


def _integer(headers: Headers, name: str) -> int | None:
    value = headers.get(name)
    if value is None:
        return None
    if not _INTEGER.fullmatch(value) or int(value) > _LARGEST:
        raise KadeError(RequestReason.BAD_VALUE, name)
    return int(value)


def _checksum(value: str) -> Checksum:
    algorithm, _, encoded = value.partition(" ")
    if algorithm not in CHECKSUMS:
        raise KadeError(UploadReason.CHECKSUM_UNSUPPORTED, algorithm[:20])
    try:
        return Checksum(algorithm, base64.b64decode(encoded.strip(), validate=True).hex())
    except ValueError as error:
        raise KadeError(RequestReason.BAD_VALUE, "Upload-Checksum") from error


def _from_trailers(trailers: Mapping[str, str]) -> Checksum:
    value = trailers.get("upload-checksum")
    if value is None:
        raise KadeError(UploadReason.CHECKSUM_MISMATCH, "the trailer is missing")
    return _checksum(value)
