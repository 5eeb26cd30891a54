"""The wire shape of refusals: a number, a sentence, and the status of a success (spec 2(a), 2(c) 26)."""

from starlette.requests import Request
from starlette.responses import Response

from kade.core.errors import (
    AccessReason,
    Code,
    FileReason,
    KadeError,
    Reason,
    RequestReason,
    SearchReason,
)
from kade.dialects.filer import answers
from kade.dialects.filer.codes import NUMBERS, TEXTS, FilerReason
from kade.dialects.filer.settings import Settings
from kade.web.operation import Refuse

GENERAL = 0
NUMBER_OF_REASON: dict[Reason, int] = {
    RequestReason.METHOD_NOT_ALLOWED: 101,
    RequestReason.UNKNOWN_PATH: 138,
    RequestReason.CATALOG_UNAVAILABLE: 114,
    RequestReason.RATE_LIMITED: 213,
    FileReason.BAD_NAME: 104,
    FileReason.NAME_REFUSED: 104,
    FileReason.CONTENT_GONE: 147,
    FileReason.INCOMPLETE: 147,
    SearchReason.EMPTY: 150,
    SearchReason.TOO_MANY_HITS: 152,
    SearchReason.WORD_TOO_WIDE: 153,
    SearchReason.QUERY_TOO_WIDE: 154,
}
STATUS: dict[Code, int] = {
    Code.INVALID: 400,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.GONE: 404,
    Code.CONFLICT: 409,
    Code.OFFSET_MISMATCH: 409,
    Code.CHECKSUM_MISMATCH: 400,
    Code.LOCKED: 409,
    Code.TOO_SLOW: 408,
    Code.TOO_LARGE: 413,
    Code.RANGE: 400,
    Code.PRECONDITION: 412,
    Code.UNSUPPORTED: 405,
    Code.TOO_MANY: 429,
    Code.UNAVAILABLE: 503,
    Code.NO_SPACE: 507,
    Code.INTERNAL: 500,
}
_SENTENCES: dict[Reason, str] = {
    RequestReason.METHOD_NOT_ALLOWED: "This request has another method: {allow}.",
    RequestReason.UNKNOWN_PATH: "There is no such request.",
    RequestReason.CATALOG_UNAVAILABLE: "The database does not answer; nothing was changed. Try again.",
    RequestReason.RATE_LIMITED: "Too many handshakes were asked for. Use those that come with each success.",
    RequestReason.BODY_TOO_LARGE: "The request is too large.",
    RequestReason.MALFORMED: "The body of the request cannot be read.",
    FileReason.BAD_NAME: "A file or folder cannot be called so.",
    FileReason.NAME_REFUSED: "A file of this file group cannot be called so.",
    FileReason.CONTENT_GONE: TEXTS[FilerReason.NO_COPY],
    FileReason.INCOMPLETE: TEXTS[FilerReason.NO_COPY],
    SearchReason.EMPTY: TEXTS[FilerReason.SEARCH_MISSING],
    SearchReason.TOO_MANY_HITS: "The search finds too much. Ask more precisely.",
    SearchReason.WORD_TOO_WIDE: "{word} stands for too many words.",
    SearchReason.QUERY_TOO_WIDE: "The search stands for too many possibilities.",
    AccessReason.VERB_NOT_GRANTED: "This is not allowed.",
}


def number_of(reason: Reason) -> int:
    """The number that stands for it on the wire."""
    return NUMBERS[reason] if isinstance(reason, FilerReason) else NUMBER_OF_REASON.get(reason, GENERAL)


def refuser(settings: Settings) -> Refuse:
    """What answers to requests that are refused."""

    def refuse(_request: Request, error: KadeError) -> Response:
        status = STATUS[error.code] if settings.error_statuses else 200
        return answers.error(_text(error), number_of(error.reason), status)

    return refuse


def _text(error: KadeError) -> str:
    """A sentence; of the house's own reasons only what somebody can mend is told."""
    if isinstance(error.reason, FilerReason):
        return TEXTS[error.reason].format(subject=_said(error))
    if error.code is Code.UNAUTHENTICATED:
        return TEXTS[FilerReason.WRONG_CUSTOMER]
    words = _SENTENCES.get(error.reason)
    if words is None:
        internal = error.code in (Code.INTERNAL, Code.UNAVAILABLE)
        return "The server could not do this now. Try again." if internal else "The request cannot be done."
    return words.format(subject=error.subject, **{"allow": "", "word": "A word", **error.facts})


def _said(error: KadeError) -> str:
    """The subject as it stands in its sentence: parameters as they are, names in quotes."""
    parameters = TEXTS[error.reason].startswith("{") if isinstance(error.reason, FilerReason) else False
    return error.subject if parameters or not error.subject else f' "{error.subject}"'
