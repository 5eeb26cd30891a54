"""What is said to people when something is refused: one table from the reason, the code for all others."""

from kade.core.errors import (
    AccessReason,
    Code,
    ContactReason,
    FileReason,
    FileRequestReason,
    KadeError,
    QuotaReason,
    Reason,
    SlotReason,
    UploadReason,
)
from kade.portal.languages import Language

_STATUS: dict[Code, int] = {
    Code.INVALID: 400,
    Code.UNAUTHENTICATED: 404,  # a link that is none
    Code.FORBIDDEN: 403,
    Code.NOT_FOUND: 404,
    Code.GONE: 410,
    Code.CONFLICT: 409,
    Code.OFFSET_MISMATCH: 409,
    Code.CHECKSUM_MISMATCH: 460,  # as tus has it
    Code.LOCKED: 423,
    Code.TOO_SLOW: 408,
    Code.TOO_LARGE: 413,
    Code.RANGE: 416,
    Code.PRECONDITION: 412,
    Code.UNSUPPORTED: 415,
    Code.TOO_MANY: 429,
    Code.NO_SPACE: 507,
    Code.UNAVAILABLE: 503,
    Code.INTERNAL: 500,
}
_STATUS_OF_REASON: dict[Reason, int] = {
    AccessReason.NO_CREDENTIAL: 401,  # the password is missing
    FileRequestReason.COMPLETED: 403,  # 409 would have a tus client try again
    SlotReason.WRONG_TYPE: 422,
    SlotReason.EMPTY_FILE: 422,
    ContactReason.BAD_ADDRESS: 422,
}
_TEXT_OF_REASON: dict[Reason, str] = {
    AccessReason.NO_CREDENTIAL: "refused",
    FileRequestReason.UNKNOWN: "over",
    FileRequestReason.COMPLETED: "over",
    FileRequestReason.EXPIRED: "over",
    SlotReason.UNKNOWN: "unknown_slot",
    SlotReason.WRONG_TYPE: "wrong_type",
    SlotReason.EMPTY_FILE: "empty",
    UploadReason.MAX_SIZE: "too_large",
    UploadReason.UNKNOWN: "upload_unknown",
    FileReason.BAD_NAME: "wrong_name",
    FileReason.NAME_REFUSED: "wrong_name",
    QuotaReason.EXCEEDED: "no_space",
}
_TEXT: dict[Code, str] = {
    Code.UNAUTHENTICATED: "over",
    Code.TOO_LARGE: "refused",
    Code.CHECKSUM_MISMATCH: "broken",
    Code.LOCKED: "busy",
    Code.NO_SPACE: "no_space",
    Code.TOO_MANY: "too_many",
    Code.INTERNAL: "failed",
    Code.UNAVAILABLE: "failed",
}


def status_of(error: KadeError) -> int:
    """The status of a refusal."""
    return _STATUS_OF_REASON.get(error.reason, _STATUS[error.code])


def sentence(speaking: Language, error: KadeError) -> str:
    """What is said of a refusal."""
    key = _TEXT_OF_REASON.get(error.reason) or _TEXT.get(error.code, "refused")
    facts = error.facts
    return speaking.say(
        f"errors.{key}",
        size=speaking.size(int(facts.get("max_size", 0))),
        types=speaking.kinds(tuple(str(facts.get("accepts", "")).split())),
    )
